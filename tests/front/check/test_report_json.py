"""The JSON report, validated against the schema in the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sample_runs import full_run

import resnet_lint.front.check.report
from resnet_lint.front.check.report import View, render
from resnet_lint.shared.records.reports import Run

SCHEMA = json.loads(Path(resnet_lint.front.check.report.__file__).with_name("schema.json").read_text())


def report_of(run: Run, folder: Path) -> Any:
    return json.loads(render("json", run, View(folder)))


@pytest.fixture
def report(tmp_path: Path) -> Any:
    return report_of(full_run(tmp_path), tmp_path)


def validate(report: Any) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(report)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_full_run_is_valid(report: Any) -> None:
    validate(report)


def test_an_empty_run_is_valid(tmp_path: Path) -> None:
    empty = report_of(Run((), None, 0.0), tmp_path)
    validate(empty)
    assert empty["summary"]["checked"] == 0
    assert empty["tool"]["torch"] is None


@pytest.mark.parametrize("key", ["rule", "module_paths", "fix", "start"])
def test_the_schema_wants_every_key(key: str, report: Any) -> None:
    del report["findings"][0][key]
    with pytest.raises(jsonschema.ValidationError):
        validate(report)


def test_the_schema_knows_every_key(report: Any) -> None:
    report["findings"][0]["fix"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        validate(report)


def test_a_finding_says_what_the_contract_says(report: Any) -> None:
    finding, _ = report["findings"]
    assert finding == {
        "rule": "RL103",
        "name": "residual-shape-mismatch",
        "severity": "error",
        "message": "the addition cannot work: the residual branch has 128 channels at 16x16, the shortcut 64 at 32x32",
        "path": "models/block.py",
        "start": {"line": 8, "column": 9},
        "end": {"line": 8, "column": 24},
        "module": "BasicBlock",
        "module_path": "layer2.0",
        "module_paths": ["layer2.0", "layer3.0", "layer4.0"],
        "target": "ResNet(BasicBlock, [2, 2, 2, 2])",
        "operands": [
            {
                "role": "residual branch",
                "shape": [2, 128, 16, 16],
                "symbolic": ["N", "128", "(H-1)//2+1", "(W-1)//2+1"],
            },
            {"role": "shortcut", "shape": [2, 64, 32, 32], "symbolic": None},
        ],
        "causes": [
            {"path": "models/block.py", "line": 7, "text": "conv1: 64 -> 128 channels, stride 2"},
            {"path": "models/layers.py", "line": 3, "text": "conv2: 128 -> 128 channels"},
        ],
        "fix": {
            "title": "project the shortcut: nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)",
            "applicability": "safe",
            "verified": True,
            "edits": [
                {"start": {"line": 6, "column": 20}, "end": {"line": 6, "column": 21}, "text": "self.shortcut(x)"}
            ],
            "proved": None,
        },
    }


def test_modules_and_summary(report: Any) -> None:
    assert report["modules"][0] == {
        "target": "models/block.py::BasicBlock",
        "line": 4,
        "status": "checked",
        "how": "ResNet() -> layer1.0",
        "reason": None,
    }
    assert report["summary"] == {
        "files": 1,
        "modules": 3,
        "checked": 1,
        "not_checked": 2,
        "findings": 2,
        "fixable": 1,
        "seconds": 2.14,
    }
