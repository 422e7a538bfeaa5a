"""Values that a file computes from its own numbers are known on meta: drop rates, widths and sizes in tensors."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import torch
from conftest import Lint

from resnet_lint.worker.tracer.known_values import KeepValues, known_value

IMPORTS = "import torch\nfrom torch import nn\n"

# Files that are right with 0 in place of MISTAKE, and wrong with 1.
FILES = {
    "drop rates that grow with the depth": """
        class Net(nn.Module):
            def __init__(self, width=16, depth=3):
                super().__init__()
                rates = [rate.item() for rate in torch.linspace(0, 0.1, depth)]
                self.blocks = nn.Sequential(*[nn.Dropout(rates[i]) for i in range(depth)])
                self.head = nn.Linear(width * (6 + MISTAKE), 5)

            def forward(self, x):
                return self.head(self.blocks(x).flatten(1))

        if __name__ == "__main__":
            Net()(torch.randn(2, 6, 16))
        """,
    "widths in a tensor": """
        widths = torch.tensor([4, 8])
        widths[1:] += 3
        net = nn.Sequential(*[nn.Linear(int(a), int(b)) for a, b in zip(widths[:-1], widths[1:])], nn.ReLU())
        head = nn.Linear(11 + MISTAKE, 2)
        print(head(net(torch.randn(3, 4))))
        """,
    "a group size that is the smaller one of two": """
        class Net(nn.Module):
            def __init__(self, group=4):
                super().__init__()
                self.conv, self.group = nn.Conv2d(3, 16, 3, 2, 1), group
                self.head = nn.Conv2d(17 + MISTAKE, 4, 3)

            def forward(self, x):
                x = self.conv(x)
                n, c, h, w = x.shape
                group = torch.min(torch.as_tensor(self.group), torch.as_tensor(n))
                y = x.reshape(group, -1, 1, c, h, w)
                y = (y - y.mean(0)).square().mean(0).sqrt().mean([2, 3, 4]).reshape(-1, 1, 1, 1)
                return self.head(torch.cat([x, y.repeat(group, 1, h, w)], 1))

        Net()(torch.randn(8, 3, 16, 16))
        """,
    "the number of classes of labels": """
        labels = torch.tensor([0, 2, 1, 2])
        net = nn.Linear(6, len(torch.unique(labels)) + MISTAKE)
        print(net(torch.randn(4, 6)) + torch.zeros(4, 3))
        """,
    "sizes of levels on the device of the input": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.convs = nn.ModuleList([nn.Conv2d(3, 8, 3, stride, 1) for stride in (1, 2)])
                self.head = nn.Linear(8 + MISTAKE, 4)

            def forward(self, x):
                maps = [conv(x) for conv in self.convs]
                sizes = torch.as_tensor([m.shape[-2:] for m in maps], device=x.device)
                starts = torch.cat((sizes.new_zeros(1), sizes.prod(1).cumsum(0)[:-1]))
                tokens = torch.cat([m.flatten(2).mT for m in maps], 1)
                parts = tokens.split([int(h * w) for h, w in sizes], 1)
                return self.head(parts[1].mean(1) + tokens[:, int(starts[1])])

        if __name__ == "__main__":
            Net()(torch.randn(2, 3, 8, 8))
        """,
}


def test_known_values_are_used(lint: Lint, tmp_path: Path) -> None:
    for name, source in FILES.items():
        for mistake in "01":
            file = tmp_path / mistake / f"{name.replace(' ', '_')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(IMPORTS + dedent(source).replace("MISTAKE", mistake))
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    assert report["summary"]["not_checked"] == 0
    wrong = {
        (Path(f["path"]).parent.name, Path(f["path"]).stem) for f in report["findings"] if f["severity"] == "error"
    }
    assert wrong == {("1", name.replace(" ", "_")) for name in FILES}, report["findings"]


def test_changes_in_place() -> None:
    with torch.device("meta"), KeepValues():
        values = torch.zeros(2, 3)
        values[0] = 1
        values[:, 1] += torch.arange(2)
        part = values[1]
    assert values.is_meta
    assert [numbers(tensor) for tensor in (values, part)] == [[[1, 1, 1], [0, 1, 0]], [0, 1, 0]]
    part.add_(1)  # outside of the mode
    assert known_value(values) is None


def numbers(tensor: torch.Tensor) -> object:
    value = known_value(tensor)
    return value.tolist() if value is not None else None


def test_what_is_random_or_large_is_unknown() -> None:
    with torch.device("meta"), KeepValues():
        values = torch.zeros(3)
        unknown = [torch.rand(3), torch.zeros(3).normal_(), torch.rand_like(values), torch.zeros(2000)]
        unknown += [values + torch.rand(3), nn_statistics()]
    assert [known_value(tensor) for tensor in unknown] == [None] * len(unknown)


def nn_statistics() -> torch.Tensor:
    """The running mean of a layer, which training changes."""
    mean = torch.nn.BatchNorm1d(3).running_mean
    assert mean is not None
    return mean


def test_a_size_that_depends_on_data_is_no_error(lint: Lint, tmp_path: Path) -> None:
    """And a model with methods like those of `nn.Module`, as in meta learning."""
    (tmp_path / "net.py").write_text(
        IMPORTS
        + dedent("""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.vars = nn.ParameterList([nn.Parameter(torch.ones(5, 6))])

            def forward(self, x):
                groups = (x > 0).sum().clamp(1, 1)
                return nn.functional.linear(x.reshape(groups, -1, 6), self.vars[0])

            def parameters(self):
                return self.vars

            def named_parameters(self):
                return zip("w", self.vars)

        Net()(torch.randn(4, 6))
        """)
    )
    report = json.loads(lint(tmp_path / "net.py", "--format", "json").stdout)
    assert [finding["rule"] for finding in report["findings"] if finding["severity"] == "error"] == []
    assert "depends on values" in report["modules"][0]["reason"]
