"""Reports with a line, a test or a diagnostic per finding: concise, pylint, junit and rdjson."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from sample_runs import full_run, mismatch, run_of, span, write_block

from resnet_lint import HOMEPAGE, __version__
from resnet_lint.front.check.report import View, render
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.records.findings import Fix
from resnet_lint.shared.records.places import Edit, Position
from resnet_lint.shared.records.reports import Run

POSITION = {
    "type": "object",
    "required": ["line"],
    "properties": {"line": {"type": "integer", "minimum": 1}, "column": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}
RANGE = {
    "type": "object",
    "required": ["start"],
    "properties": {"start": POSITION, "end": POSITION},
    "additionalProperties": False,
}
# What reviewdog's proto/rdf/reviewdog.proto says of the fields that are used here.
RDJSON = {
    "type": "object",
    "required": ["diagnostics"],
    "properties": {
        "source": {"type": "object", "properties": {"name": {"type": "string"}, "url": {"type": "string"}}},
        "diagnostics": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["message", "location"],
                "properties": {
                    "message": {"type": "string"},
                    "location": {
                        "type": "object",
                        "required": ["path"],
                        "properties": {"path": {"type": "string"}, "range": RANGE},
                    },
                    "severity": {"enum": ["ERROR", "WARNING", "INFO"]},
                    "code": {
                        "type": "object",
                        "required": ["value"],
                        "properties": {"value": {"type": "string"}, "url": {"type": "string"}},
                    },
                    "suggestions": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["range", "text"],
                            "properties": {"range": RANGE, "text": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
}


def rdjson(run: Run, folder: Path) -> Any:
    report = json.loads(render("rdjson", run, View(folder, rules=load_rules())))
    jsonschema.validate(report, RDJSON)
    return report


def test_concise_is_a_line_for_each_finding_and_marks_what_can_be_fixed(tmp_path: Path) -> None:
    lines = render("concise", full_run(tmp_path), View(tmp_path)).splitlines()
    assert lines[0].startswith("models/block.py:8:9: error: RL103 [*] the addition cannot work: ")
    assert lines[1].startswith("models/block.py:4:7: warning: RL004 forward() failed: ")
    assert lines[-1] == "1 error, 1 warning; 1 class checked, 2 not checked; 1 file, 2.1 s"
    assert len(render("concise", full_run(tmp_path), View(tmp_path, quiet=True)).splitlines()) == 2


def test_pylint(tmp_path: Path) -> None:
    lines = render("pylint", full_run(tmp_path), View(tmp_path)).splitlines()
    assert [re.sub(r"\] .*", "]", line) for line in lines] == [
        "models/block.py:8: [RL103]",
        "models/block.py:4: [RL004]",
    ]


@pytest.mark.parametrize("form", ["pylint", "junit", "rdjson"])
def test_a_run_without_findings(form: str, tmp_path: Path) -> None:
    text = render(form, run_of(write_block(tmp_path)), View(tmp_path))
    assert "models/block.py" in text if form == "junit" else "models" not in text


def junit(run: Run, folder: Path) -> ElementTree.Element:
    return ElementTree.fromstring(render("junit", run, View(folder, colour=True)))


def test_junit_has_a_failed_test_for_each_finding(tmp_path: Path) -> None:
    root = junit(full_run(tmp_path), tmp_path)
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("2", "2", "0")
    first, second = root.iter("testcase")
    assert first.attrib == {
        "classname": "models/block.py",
        "name": "RL103 residual-shape-mismatch, line 8",
        "file": "models/block.py",
        "line": "8",
    }
    [failure] = first
    assert failure.attrib["type"] == "error"
    assert failure.text is not None
    assert "shortcut         (2, 64, 32, 32)\n" in failure.text
    assert second[0].attrib["type"] == "warning"


def test_junit_says_what_passed_what_was_not_checked_and_what_broke(tmp_path: Path) -> None:
    passed = junit(run_of(write_block(tmp_path)), tmp_path)
    assert (passed.attrib["tests"], passed.attrib["failures"]) == ("1", "0")
    nothing = junit(Run((), None, 0.0, ("no Python files found in models",)), tmp_path)
    assert (nothing.attrib["tests"], nothing.attrib["skipped"]) == ("1", "1")
    broken = junit(dataclasses.replace(run_of(write_block(tmp_path)), faults=("it \x1b broke",)), tmp_path)
    assert broken.attrib["errors"] == "1"


def test_rdjson(tmp_path: Path) -> None:
    first, second = rdjson(full_run(tmp_path), tmp_path)["diagnostics"]
    assert first["location"] == {
        "path": "models/block.py",
        "range": {"start": {"line": 8, "column": 9}, "end": {"line": 8, "column": 24}},
    }
    assert first["code"] == {"value": "RL103", "url": f"{HOMEPAGE}/blob/v{__version__}/rules/residual_shape.py"}
    assert first["suggestions"] == [
        {"range": {"start": {"line": 6}, "end": {"line": 6}}, "text": "        identity = self.shortcut(x)"}
    ]
    assert (second["severity"], second["suggestions"]) == ("WARNING", [])


def test_rdjson_has_all_edits_as_one_suggestion_of_whole_lines(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    edits = (
        Edit(Position(5, 1), Position(5, 1), "    # new\n"),
        Edit(Position(7, 15), Position(7, 25), "self.one"),
    )
    finding = dataclasses.replace(mismatch(path), fix=Fix("two edits", "safe", verified=True, edits=edits))
    [found] = rdjson(run_of(path, finding), tmp_path)["diagnostics"]
    [suggestion] = found["suggestions"]
    lines = path.read_text().split("\n")
    first, last = suggestion["range"]["start"]["line"], suggestion["range"]["end"]["line"]
    lines[first - 1 : last] = suggestion["text"].split("\n")
    assert lines[4:8] == [
        "    # new",
        "    def forward(self, x):",
        "        identity = x",
        "        out = self.one(self.conv1(x))",
    ]


def test_rdjson_counts_columns_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("x = 'é深' + y\n", encoding="utf-8")
    finding = dataclasses.replace(mismatch(path), span=span(path, 1, 5, 1, 13), fix=None)
    [found] = rdjson(run_of(path, finding), tmp_path)["diagnostics"]
    assert found["location"]["range"]["start"]["column"] == 5
    assert found["location"]["range"]["end"]["column"] == 13 + len("é深".encode()) - 2
