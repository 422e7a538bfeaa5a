"""`resnet_lint.check`, `trace` and `contract`: models of this process, which remain unchanged."""

from __future__ import annotations

import copy
import importlib.util
import json
import random
import sys
import threading
from importlib import resources
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import torch
from torch import nn

import resnet_lint
from resnet_lint.errors import FindingsError, UsageError

FIXTURES = Path(__file__).parents[1] / "fixtures"
SCHEMA = json.loads(resources.files("resnet_lint.front.check.report").joinpath("schema.json").read_text())
NUMBERS = count()

MODELS = """\
import random
import threading

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(4, width, 3, stride, padding=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        random.random(), torch.rand(1)
        return x + self.norm(self.conv(x))


class Wide(Net):
    def __init__(self, width):
        super().__init__(width)


class Locked(Net):
    def __init__(self):
        super().__init__(4)
        self.lock = threading.Lock()


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 4)
        self.two = nn.Linear(4, 4)
        self.two.weight = self.one.weight
        self.kept = [torch.ones(4)]

    def forward(self, x):
        return x + self.two(self.one(x)) + self.kept[0]


class Values(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class Halved(nn.Module):
    def forward(self, x):
        half = nn.functional.max_pool2d(x, 2)
        return x + nn.functional.interpolate(half, scale_factor=2)


def make():
    return Net(4)


def make_nothing():
    return 3
"""


@pytest.fixture
def models(tmp_path: Path) -> Any:
    """A module of models, imported from a file in a separate project."""
    return imported(tmp_path, MODELS)


def imported(folder: Path, text: str) -> ModuleType:
    path = folder / f"live_models_{next(NUMBERS)}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rules(report: resnet_lint.Report) -> list[str]:
    return [finding.rule for finding in report.findings]


def test_a_wrong_model_and_a_right_one(models: Any) -> None:
    report = resnet_lint.check(models.Net(8), torch.randn(2, 4, 16, 16))
    assert (rules(report), report.ok) == (["RL101"], False)
    [finding] = report.findings
    assert [operand.shape for operand in finding.operands] == [(2, 8, 16, 16), (2, 4, 16, 16)]
    assert f"{Path(models.__file__).name}:16:16: error: RL101 " in str(report)
    with pytest.raises(FindingsError, match="RL101"):
        report.raise_for_findings()
    right = resnet_lint.check(models.Net(4), torch.randn(2, 4, 16, 16))
    assert (rules(right), right.ok) == ([], True)
    right.raise_for_findings()


def test_inputs_are_found_for_models_classes_and_functions(models: Any) -> None:
    assert rules(resnet_lint.check(models.Net)) == ["RL101"]
    assert rules(resnet_lint.check(models.Net(8))) == ["RL101"]
    assert resnet_lint.check(models.make).ok


def test_the_forms_of_a_report(models: Any) -> None:
    report = resnet_lint.check(models.Net, x=torch.randn(2, 4, 16, 16))
    found = report.to_dict()
    jsonschema.validate(found, SCHEMA)
    assert found["summary"]["checked"] == len(found["modules"]) == 1
    text = f"<pre>{str(report).replace('&', '&amp;').replace('>', '&gt;')}</pre>"
    shown = report._repr_html_()
    assert shown.startswith(f"{text}<svg ") and ">shape mismatch</text>" in shown
    assert resnet_lint.check(models.Net(4))._repr_html_().endswith("</pre>")


def test_without_the_extra_a_notebook_displays_the_text(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "igraph", None)
    assert resnet_lint.check(models.Net)._repr_html_().endswith("</pre>")
    assert resnet_lint.trace(models.Net)._repr_html_().endswith("</pre>")


def test_nothing_of_the_model_changes(models: Any, capfd: pytest.CaptureFixture[str]) -> None:
    model = models.Net(8).train()
    model.conv.register_forward_hook(lambda module, args, output: None)
    before, numbers, seeds = copy.deepcopy(model.state_dict()), random.getstate(), torch.get_rng_state()
    resnet_lint.check(model, torch.randn(2, 4, 16, 16, generator=torch.Generator()))
    resnet_lint.trace(model, torch.zeros(2, 4, 16, 16))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.training, model.conv.training, model.conv.weight.device.type) == (True, True, "cpu")
    assert (random.getstate(), torch.equal(torch.get_rng_state(), seeds)) == (numbers, True)
    assert capfd.readouterr() == ("", "")


def test_wrapped_parametrized_and_tied_models(models: Any) -> None:
    x = torch.randn(2, 4, 16, 16)
    assert rules(resnet_lint.check(nn.DataParallel(models.Net(8)), x)) == ["RL101"]
    assert rules(resnet_lint.check(torch.compile(models.Net(8)), x)) == ["RL101"]
    model = models.Net(4)
    nn.utils.parametrizations.weight_norm(model.conv)
    assert resnet_lint.check(model, x).ok
    assert resnet_lint.check(nn.Sequential(models.Net(4), nn.ReLU()), x).ok
    assert resnet_lint.check(models.Tied(), torch.randn(2, 4)).ok


def test_a_model_in_a_wrapper_of_a_package_is_reported_in_its_own_file(models: Any, tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    text = "    def __init__(self, model):\n        super().__init__()\n        self.model = model\n\n"
    text += "    def forward(self, *args, **kwargs):\n        return self.model(*args, **kwargs)\n"
    wrapper = imported(packages, f"from torch import nn\n\n\nclass Wrapper(nn.Module):\n{text}")
    [finding] = resnet_lint.check(wrapper.Wrapper(models.Net(8)), torch.randn(2, 4, 16, 16)).findings
    assert (finding.rule, finding.span.path, finding.span.start.line) == ("RL101", models.__file__, 16)


def test_a_model_that_reads_values_is_not_green(models: Any) -> None:
    report = resnet_lint.check(models.Values(), torch.ones(2, 4))
    assert not report.ok
    assert rules(report) == ["RL004"]


def test_a_part_that_is_not_called_is_no_trouble(models: Any) -> None:
    model = models.Net(4)
    model.auxiliary = models.Tied()
    report = resnet_lint.check(model, torch.randn(2, 4, 16, 16))
    assert report.ok
    assert {status.name: status.status for status in report.run.classes} == {"Net": "checked", "Tied": "skipped"}


def test_it_works_in_a_thread(models: Any) -> None:
    found: list[resnet_lint.Report] = []
    thread = threading.Thread(target=lambda: found.append(resnet_lint.check(models.Net)))
    thread.start()
    thread.join()
    assert rules(found[0]) == ["RL101"]


def test_the_trace_and_the_contract(models: Any) -> None:
    x = torch.randn(2, 3, 16, 16)
    shown = resnet_lint.trace(models.Net(4), torch.randn(2, 4, 16, 16))
    assert "conv" in str(shown)
    assert shown.to_dict()["target"] == "Net"
    assert "<" in shown._repr_html_()
    assert "where H % 2 == 0" in str(resnet_lint.contract(models.Halved(), x))
    with pytest.raises(UsageError, match="has no input contract"):
        resnet_lint.contract(models.Net(8), torch.randn(2, 4, 16, 16))


def scripted() -> nn.Module:
    return torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))  # type: ignore[no-untyped-call,no-any-return]


@pytest.mark.parametrize(
    ("given", "inputs", "line"),
    [
        (lambda m: 3, (), "3 is not an nn.Module"),
        (lambda m: [m.Net()], (), "an object of type list is not an nn.Module"),
        (lambda m: dict, (), "the class dict is not an nn.Module"),
        (lambda m: torch.fx.symbolic_trace(m.Tied()), (), "a GraphModule has generated code only"),
        (lambda m: nn.Linear(2, 2), (torch.ones(1, 3),), "the inputs do not fit Linear: "),
        (lambda m: scripted(), (), "a scripted model has no Python code to trace"),
        (lambda m: m.make_nothing, (), "make_nothing() does not return a model: "),
        (lambda m: m.Wide, (), "Wide requires arguments (width); construct the model first: Wide(...)"),
        (lambda m: m.Locked(), (), "Locked cannot be copied: "),
        (lambda m: m.Net(), (torch.ones(1, 7, 8, 8),), "the inputs do not fit Net: line 16: "),
        (
            lambda m: m.Net(),
            (torch.ones(1, 4, 8, 8).double(),),
            "the inputs do not fit Net: line 16: Input type (double)",
        ),
        (lambda m: m.Net(), ("cat.png",), "Net does not accept these inputs: "),
        (lambda m: m.Net(), (1, 2), "Net does not accept these inputs: "),
    ],
)
def test_bad_input_is_one_line(given: Any, inputs: tuple[Any, ...], line: str, models: Any) -> None:
    with pytest.raises(UsageError) as caught:
        resnet_lint.check(given(models), *inputs)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_layers_of_torch_only() -> None:
    x = torch.ones(1, 3)
    report = resnet_lint.check(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), x)
    assert report.ok
    assert "1 model and 0 classes checked" in str(report)
    report = resnet_lint.check(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2)), x)
    [finding] = report.findings
    assert (finding.rule, Path(finding.span.path)) == ("RL301", Path(__file__))


def test_such_a_model_without_a_file_to_report() -> None:
    code = "import resnet_lint\nfrom torch import nn\nresnet_lint.check(nn.Linear(2, 2))"
    with pytest.raises(UsageError, match="Linear consists of torch's own layers only, and there is no file to report"):
        exec(compile(code, "<stdin>", "exec"), {})
