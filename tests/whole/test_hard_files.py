"""Files that are hard to construct models from: which classes are checked, and the reasons for the others. One run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from conftest import command_line

from resnet_lint.front.workers.worker_client import WorkerClient


@dataclass(frozen=True)
class Hard:
    """A file, and the status of each of its classes; `found` are the codes of its findings."""

    source: str
    statuses: dict[str, str]
    found: tuple[str, ...] = ()


PLAIN = ("Planned", "Configured", "Keyed", "Windowed", "Grouped", "Wrapped")

CASES = {
    "a package that is not installed": Hard(
        """
        import no_such_package as nsp
        from no_such_package.layers import ConvModule, build_norm
        from no_such_package.parts import *
        from no_such_package.hub import HubMixin

        @nsp.MODELS.register_module()
        class Block(nsp.BaseModule):
            def __init__(self, width: nsp.Width | None = None):
                super().__init__(init_cfg=None)
                self.conv = nn.Conv2d(3, width or 8, 3)
            @nsp.auto_fp16(apply_to=("x",))
            def forward(self, x):
                return self.conv(x)

        class Shared(nn.Module, HubMixin):
            def __init__(self):
                super().__init__()
                self.block = Block()
            def forward(self, x):
                return self.block(x)

        class NeedsLayer(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = ConvModule(3, 8, 3)
            def forward(self, x):
                return self.conv(x)

        class NeedsPair(nn.Module):
            def __init__(self):
                super().__init__()
                self.name, self.norm = build_norm(dict(type="BN"), 8)
            def forward(self, x):
                return self.norm(x)
        """,
        {"Block": "checked", "Shared": "checked", "NeedsLayer": "failed", "NeedsPair": "failed"},
        ("RL005", "RL004", "RL003"),
    ),
    "a package that the file itself would install": Hard(
        """
        try:
            import no_such_package
            assert hasattr(no_such_package, "__version__")
        except (ImportError, AssertionError):
            import os
            os.system("pip install no_such_package")
            import no_such_package
        try:
            from another_missing_package import ops
        except ImportError:
            raise RuntimeError("get another_missing_package first") from None

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)
            def forward(self, x):
                return self.conv(x)
        """,
        {"Net": "checked"},
        ("RL005",),
    ),
    "a fallback that fails for another reason": Hard(
        """
        try:
            import no_such_package
        except ImportError:
            pass
        from torch import no_such_name

        class Net(nn.Module):
            pass
        """,
        {},
        ("RL002",),
    ),
    "channels that the way to the first layer multiplies": Hard(
        """
        class Focus(nn.Module):
            def __init__(self, c1, c2):
                super().__init__()
                self.conv = nn.Conv2d(c1 * 4, c2, 1)
            def forward(self, x):
                quarters = [x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
                return self.conv(torch.cat(quarters, 1))

        class Twice(nn.Module):
            def __init__(self, c1, c2):
                super().__init__()
                self.first = nn.Conv2d(c1, c2, 1)
                self.second = nn.Conv2d(c2, c2, 1)
            def forward(self, x):
                x = self.first(x)
                return self.second(torch.cat([x, x], 1))

        class Pooler(nn.Module):
            def __init__(self, hidden_size):
                super().__init__()
                self.dense = nn.Linear(hidden_size, hidden_size)
            def forward(self, hidden_states):
                return self.dense(hidden_states[:, 0])
        """,
        {"Focus": "checked", "Twice": "checked", "Pooler": "checked"},
        ("RL107", "RL301"),
    ),
    "settings in a file of the project": Hard(
        """
        import json
        class Net(nn.Module):
            def __init__(self, settings="net.json"):
                super().__init__()
                with open(settings) as file:
                    self.conv = nn.Conv2d(3, json.load(file)["width"], 3)
            def forward(self, x):
                return self.conv(x)

        class Ambiguous(Net):
            def __init__(self):
                super().__init__("twice.json")
        """,
        {"Net": "checked", "Ambiguous": "failed"},
        ("RL003",),
    ),
    "a fallback of the file's own": Hard(
        """
        try:
            from no_such_package import Conv2d
        except ImportError:
            Conv2d = nn.Conv2d
        import another_missing_package

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = Conv2d(3, 8, 3)
            def forward(self, x):
                return self.conv(x)
        """,
        {"Net": "checked"},
        ("RL005",),
    ),
    "a mask": Hard(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(8, 4)
            def forward(self, x):
                x = x.reshape(-1, 8)
                kept = torch.where(x.sum(1) > 0)[0]
                return self.fc(x[kept]) + self.fc(x[x[:, 0] > 1])
        """,
        {"Net": "checked"},
    ),
    "a mismatch that masked values decide": Hard(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(8, 4)
            def forward(self, x):
                x = x.reshape(-1, 8)
                return self.fc(x[x[:, 0] > 1]) + self.fc(x.repeat(3, 1))
        """,
        {"Net": "failed"},
        ("RL004",),
    ),
    "a mismatch before the mask": Hard(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3, padding=1)
                self.wider = nn.Conv2d(3, 16, 3, padding=1)
            def forward(self, x):
                x = self.conv(x) + self.wider(x)
                return x[x > 0]
        """,
        {"Net": "checked"},
        ("RL101",),
    ),
    "a number from a tensor": Hard(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(8, 4)
            def forward(self, x):
                return self.fc(x)[: int(x.sum())]
        """,
        {"Net": "failed"},
        ("RL004",),
    ),
    "arguments of all sorts": Hard(
        """
        from dataclasses import dataclass
        from enum import Enum
        from typing import Callable, Optional, Tuple

        class Kind(Enum):
            SMALL = 1

        @dataclass
        class Plan:
            width: int
            kind: Kind

        class Planned(nn.Module):
            def __init__(self, plan: Plan, size: Tuple[int, int]):
                super().__init__()
                assert plan.kind is Kind.SMALL
                self.conv = nn.Conv2d(3, plan.width, size)
            def forward(self, x):
                return self.conv(x)

        class Configured(nn.Module):
            def __init__(self, cfg):
                super().__init__()
                self.fc = nn.Linear(cfg.hidden_size, cfg.num_classes)
            def forward(self, x):
                return self.fc(x)

        class Keyed(nn.Module):
            def __init__(self, hparams):
                super().__init__()
                self.fc = nn.Linear(hparams["hidden"], 2)
            def forward(self, x):
                return self.fc(x)

        class Windowed(nn.Module):
            def __init__(self, dim, window_size):
                super().__init__()
                self.conv = nn.Conv2d(dim, dim, (window_size[0], window_size[1]))
            def forward(self, x):
                return self.conv(x)

        class Grouped(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.conv = nn.Conv2d(dim, dim // 4, 1)
                self.norm = nn.GroupNorm(32, dim // 4)
            def forward(self, x):
                return self.norm(self.conv(x))

        class Wrapped(nn.Module):
            def __init__(self, fn, act: Callable[..., nn.Module]):
                super().__init__()
                self.fn, self.act = fn, act()
            def forward(self, x):
                return x + self.act(self.fn(x))

        class Base(nn.Module):
            def __init__(self, spatial_dims: int, in_channels, *, norm: str, depth=1):
                super().__init__()
                assert spatial_dims == 2 and norm == "batch"
                self.conv = nn.Conv2d(in_channels, depth, 1)
            def forward(self, x):
                return self.conv(x)

        class HandedOn(Base):
            def __init__(self, depth=3, **kwargs):
                super().__init__(depth=depth, **kwargs)

        class Unguessable(nn.Module):
            def __init__(self, tree):
                super().__init__()
                self.fc = nn.Linear(tree.left.right, 2)
            def forward(self, x):
                return self.fc(x)
        """,
        {name: "checked" for name in (*PLAIN, "Base", "HandedOn")} | {"Unguessable": "failed"},
        ("RL003",),
    ),
    "inputs of all sorts": Hard(
        """
        from typing import Dict, List, Optional, Tuple
        from torch import Tensor

        class Fuse(nn.Module):
            def __init__(self):
                super().__init__()
                self.convs = nn.ModuleList(nn.Conv2d(16, 8, 1) for _ in range(3))
            def forward(self, feats: List[Tensor]) -> Tensor:
                sizes = feats[0].shape[-2:]
                maps = [conv(feats[i]) for i, conv in enumerate(self.convs)]
                return sum(nn.functional.interpolate(each, sizes) for each in maps)

        class Pair(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(16, 8, 1)
            def forward(self, x: Tuple[torch.Tensor, torch.Tensor]):
                low, high = x
                return self.conv(low).mean((2, 3)) + self.conv(high).mean((2, 3))

        class Unannotated(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(16, 8, 1)
            def forward(self, features):
                a, b, c = [self.conv(each) for each in features]
                return torch.cat([each.flatten(2) for each in (a, b, c)], dim=2)

        class Batch(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 1)
                self.words = nn.Embedding(10, 8)
            def forward(self, batch: Dict[str, Tensor]):
                return self.conv(batch["image"]).mean((2, 3)) + self.words(batch["token_ids"]).mean(1)

        class Sequence(nn.Module):
            def __init__(self, dim=16):
                super().__init__()
                self.norm = nn.LayerNorm(dim)
                self.conv = nn.Conv2d(dim, dim, 3, padding=1)
            def forward(self, x, H, W):
                b, n, c = x.shape
                out = self.conv(self.norm(x).transpose(1, 2).reshape(b, c, H, W))
                return x + out.flatten(2).transpose(1, 2)

        class Sized(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 1)
            def forward(self, x, input_size: Tuple[int, int], scale: float, flip: bool = False):
                height, width = input_size
                return self.conv(x).reshape(-1, 8, height, width) * scale

        class Video(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv3d(3, 8, 3)
            def forward(self, clip):
                return self.conv(clip)

        class Audio(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv1d(1, 8, 9, stride=4)
                self.lstm = nn.LSTM(8, 16, batch_first=True)
            def forward(self, wave):
                return self.lstm(self.conv(wave).transpose(1, 2))[0]
        """,
        dict.fromkeys(("Fuse", "Pair", "Unannotated", "Batch", "Sequence", "Sized", "Video", "Audio"), "checked"),
    ),
    "a mismatch of two inputs": Hard(
        """
        from typing import List
        class Sum(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(16, 8, 1)
            def forward(self, xs: List[torch.Tensor]):
                return self.conv(xs[0]) + xs[1].flatten(1).sum(1, keepdim=True).expand(-1, 7)
        """,
        {"Sum": "checked"},  # it runs where the width is seven, and nothing says that it is not
        (),
    ),
    "overlapping boxes": Hard(
        """
        from torchvision.ops import batched_nms, roi_align
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3, padding=1)
                self.boxes = nn.Linear(8, 4)
                self.head = nn.Linear(8 * 7 * 7, 2)
            def forward(self, x):
                features = self.conv(x)
                boxes = self.boxes(features[0].flatten(1).t()[:10])
                kept = batched_nms(boxes, boxes[:, 0], torch.zeros(10, dtype=torch.int64), 0.5)
                return self.head(roi_align(features, [boxes[kept], boxes[:2]], 7).flatten(1))
        """,
        {"Detector": "checked"},
    ),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hard")
    for name, case in CASES.items():
        (folder / _file(name)).write_text("import torch\nfrom torch import nn\n" + dedent(case.source))
    (folder / "pyproject.toml").touch()  # the root of the project
    for name in ("one/settings/net.json", "one/twice.json", "other/twice.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"width": 8}')
    return folder


def _file(name: str) -> str:
    return re.sub(r"\W", "_", name) + ".py"


Report = dict[str, Any]


@pytest.fixture(scope="session")
def report(folder: Path, workers: WorkerClient) -> Report:
    with pytest.MonkeyPatch.context() as patch:
        lint = command_line(workers, patch)
        result: Report = json.loads(lint(folder, "--format", "json", "--isolated").stdout)
    return result


@pytest.mark.parametrize("name", CASES)
def test_file(name: str, report: Report) -> None:
    if "torchvision" in CASES[name].source:
        pytest.importorskip("torchvision")
    modules = [module for module in report["modules"] if module["target"].split("::")[0].endswith(_file(name))]
    found = [finding for finding in report["findings"] if finding["path"].endswith(_file(name))]
    assert {module["target"].partition("::")[2]: module["status"] for module in modules} == CASES[name].statuses, found
    assert tuple(finding["rule"] for finding in found) == CASES[name].found, found


def test_a_class_that_needs_a_missing_package_is_to_be_checked_elsewhere(report: Report) -> None:
    advice = {found["module"]: found["fix"]["title"] for found in report["findings"] if found["fix"]}
    elsewhere = "use an environment that has the package: resnet-lint --python PATH"
    assert [advice["NeedsLayer"], advice["NeedsPair"]] == [elsewhere, elsewhere]


def test_the_advised_line_works_when_pasted(report: Report, folder: Path, workers: WorkerClient) -> None:
    [finding] = [found for found in report["findings"] if found["module"] == "Unguessable"]
    advice = finding["fix"]["title"].partition("# ")[2]
    assert advice == "resnet-lint: call=Unguessable(tree=...)"
    source = (folder / _file("arguments of all sorts")).read_text()
    specified = advice.replace("...", "SimpleNamespace(left=SimpleNamespace(right=8))")
    for line, status in ((advice, "failed"), (specified, "checked")):
        pasted = folder.parent / "pasted.py"
        pasted.write_text(source.replace("class Unguessable", f"# {line}\nclass Unguessable"))
        with pytest.MonkeyPatch.context() as patch:
            result = json.loads(command_line(workers, patch)(pasted, "--format", "json", "--isolated").stdout)
        modules = {module["target"].partition("::")[2]: module for module in result["modules"]}
        assert modules, result["findings"]
        module = modules["Unguessable"]
        assert module["status"] == status
        assert status == "checked" or "'ellipsis' object has no attribute 'left'" in module["reason"]
