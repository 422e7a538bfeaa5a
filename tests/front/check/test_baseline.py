"""Baselines: recorded findings are hidden, even if their lines move, and new ones are reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result
from conftest import Lint
from fake_workers import FakeWorkers, stand_in
from sample_runs import span

from resnet_lint.front.cli import main
from resnet_lint.shared.errors import ToolFault
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import ClassStatus, FileReport
from resnet_lint.shared.records.requests import CheckRequest

MODEL = """\
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        y = bad(x)
        return y
"""

ENTRY = '{"version": 1, "findings": [{"path": "net.py", "rule": "", "module": "", "text": "", "count": 1}]}'

Run = Callable[..., Result]


class LineWorkers(FakeWorkers):
    """Finds something on each line with the word `bad`."""

    def analyse(self, request: CheckRequest) -> FileReport:
        path = Path(request.path)
        lines = path.read_text().splitlines()
        places = [span(path, number, 9, number, 12) for number, line in enumerate(lines, 1) if "bad" in line]
        found = [
            Finding("RL303", "fake", "error", f"line {place.start.line} is bad", place, module="Net")
            for place in places
        ]
        return FileReport(request.path, tuple(found), (ClassStatus(request.path, "Net", 4, "checked"),))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    stand_in(LineWorkers(), monkeypatch)
    path = tmp_path / "models" / "net.py"
    path.parent.mkdir()
    path.write_text(MODEL)
    return path


@pytest.fixture
def run(model: Path) -> Run:
    return lambda *args: CliRunner().invoke(main, [".", "--baseline", "known.json", *args], prog_name="resnet-lint")


def findings(result: Result) -> list[int]:
    return [finding["start"]["line"] for finding in json.loads(result.stdout)["findings"]]


def test_what_is_written_stays_quiet(run: Run, tmp_path: Path) -> None:
    written = run("--write-baseline")
    assert (written.exit_code, written.stderr) == (0, "")
    assert "recorded in the baseline known.json: 1 finding\n" in written.stdout
    assert json.loads((tmp_path / "known.json").read_text()) == {
        "version": 1,
        "findings": [{"path": "models/net.py", "rule": "RL303", "module": "Net", "text": "y = bad(x)", "count": 1}],
    }
    again = run()
    assert again.exit_code == 0
    assert "0 errors" in again.stdout
    assert "in the baseline known.json: 1 finding\n" in again.stdout
    assert run("--isolated", "--format", "json").exit_code == 0


def test_it_is_the_same_file_whoever_writes_it(run: Run, model: Path, tmp_path: Path) -> None:
    (model.parent / "a.py").write_text(MODEL)
    run("--write-baseline")
    first = (tmp_path / "known.json").read_bytes()
    (tmp_path / "known.json").unlink()
    CliRunner().invoke(
        main, ["models/net.py", "models/a.py", "--baseline", str(tmp_path / "known.json"), "--write-baseline"]
    )
    assert (tmp_path / "known.json").read_bytes() == first
    lines = first.decode().splitlines()
    assert [("models/a.py" in line, "models/net.py" in line) for line in lines[3:5]] == [(True, False), (False, True)]


def test_lines_may_move(run: Run, model: Path) -> None:
    run("--write-baseline")
    model.write_text("# a comment\n\n" + MODEL.replace("        y = bad", "        y  =  bad"))
    assert run().exit_code == 0


def test_new_findings_fail(run: Run, model: Path) -> None:
    run("--write-baseline")
    model.write_text(MODEL.replace("return y", "return bad(y)"))
    result = run("--format", "json")
    assert (result.exit_code, findings(result)) == (1, [7])


def test_equal_findings_are_counted(run: Run, model: Path) -> None:
    model.write_text(MODEL.replace("        return", "        y = bad(x)\n        return"))
    run("--write-baseline")
    assert run().exit_code == 0
    model.write_text(MODEL.replace("        return", "        y = bad(x)\n        y = bad(x)\n        return"))
    result = run("--format", "json")
    assert (result.exit_code, len(findings(result))) == (1, 1)


def test_the_place_of_the_baseline_decides_not_the_working_folder(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--write-baseline")
    monkeypatch.chdir(model.parent)
    assert CliRunner().invoke(main, ["net.py", "--baseline", "../known.json"]).exit_code == 0


def test_the_configuration_names_it(run: Run, model: Path, tmp_path: Path) -> None:
    run("--write-baseline")
    (tmp_path / "pyproject.toml").write_text("[tool.resnet-lint]\nbaseline = 'known.json'\n")
    assert CliRunner().invoke(main, ["models"]).exit_code == 0
    assert CliRunner().invoke(main, ["models", "--isolated"]).exit_code == 1


def test_what_is_gone_is_told_and_renewed(run: Run, model: Path, tmp_path: Path) -> None:
    (model.parent / "old.py").write_text(MODEL)
    run("--write-baseline")
    model.write_text(MODEL.replace("bad", "good"))
    (model.parent / "old.py").unlink()
    result = run()
    assert result.exit_code == 0
    assert "gone, but in the baseline known.json: 2 findings; update it with --write-baseline" in result.stdout
    assert "gone" not in run("--write-baseline").stdout
    assert json.loads((tmp_path / "known.json").read_text())["findings"] == []


@pytest.mark.parametrize("part", [["models/net.py"], ["models/net.py::Net"], [".", "--select", "RL1"]])
def test_a_look_at_a_part_leaves_the_rest_of_the_baseline(
    part: list[str], run: Run, model: Path, tmp_path: Path
) -> None:
    (model.parent / "other.py").write_text(MODEL)
    run("--write-baseline")
    before = (tmp_path / "known.json").read_text()
    result = CliRunner().invoke(main, [*part, "--baseline", "known.json", "--write-baseline"])
    assert result.exit_code == 0
    assert "gone" not in result.stdout
    assert (tmp_path / "known.json").read_text() == before


def test_a_file_that_the_tool_fails_on_stays_in_the_baseline(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--write-baseline")
    before = (tmp_path / "known.json").read_text()

    class Failing(FakeWorkers):
        def analyse(self, request: CheckRequest) -> FileReport:
            raise ToolFault("internal error of resnet-lint")

    stand_in(Failing(), monkeypatch)
    assert run("--write-baseline").exit_code == 2
    assert (tmp_path / "known.json").read_text() == before


def test_a_file_that_has_no_more_models_leaves_the_baseline(run: Run, model: Path, tmp_path: Path) -> None:
    run("--write-baseline")
    model.write_text("x = 1\n")
    assert "gone, but in the baseline known.json: 1 finding;" in run().stdout
    run("--write-baseline")
    assert json.loads((tmp_path / "known.json").read_text())["findings"] == []


def test_what_could_not_be_checked_is_not_gone(run: Run, model: Path) -> None:
    run("--write-baseline")
    model.write_text("import torch\n\n\nclass Net(nn.Module)\n")
    assert "gone" not in run().stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<<<<<<< HEAD\n{}", "is damaged: Expecting value: line 1 column 1"),
        ("\ufeff", "is damaged"),
        ("[]", "not a baseline of version 1"),
        ('{"version": 2, "findings": []}', "not a baseline of version 1"),
        ('{"version": 1, "findings": [1]}', "1 is not a finding"),
        ('{"version": 1, "findings": [{"path": "a", "count": 1}]}', "is not a finding"),
        (
            '{"version": 1, "findings": [{"path": 1, "rule": "", "module": "", "text": "", "count": 1}]}',
            "is not a finding",
        ),
        (
            '{"version": 1, "findings": [{"path": "", "rule": "", "module": "", "text": "", "count": 0}]}',
            "is not a finding",
        ),
    ],
)
def test_a_damaged_baseline_is_one_line(text: str, message: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text(text, encoding="utf-8")
    for result in (run(), run("--write-baseline")):
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
        assert "create a new one with --write-baseline" in result.stderr
        assert result.stderr.count("\n") == 1
    assert file.read_text(encoding="utf-8") == text


def test_a_missing_baseline_is_one_line(run: Run, tmp_path: Path) -> None:
    result = run()
    assert result.exit_code == 2
    assert (
        result.stderr == f"resnet-lint: no such baseline: {tmp_path / 'known.json'}; create it with --write-baseline\n"
    )


def test_a_baseline_is_written_to_a_place_that_is_told(model: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [".", "--write-baseline"])
    assert result.exit_code == 2
    assert "--write-baseline requires --baseline FILE" in result.stderr
    (tmp_path / "pyproject.toml").write_text("[tool.resnet-lint]\nwrite-baseline = true\n")
    assert "write-baseline is only available on the command line" in CliRunner().invoke(main, ["."]).stderr


def test_a_baseline_that_cannot_be_written(model: Path) -> None:
    result = CliRunner().invoke(main, [".", "--baseline", "nowhere/known.json", "--write-baseline"])
    assert result.exit_code == 2
    assert "--baseline: cannot write" in result.stderr


REAL = dedent("""\
    from torch import nn


    class {name}(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 16, 1)

        def forward(self, x):
            return x + self.conv(x)
""")


def test_old_findings_are_not_fixed(tmp_path: Path, lint: Lint) -> None:
    model, baseline = tmp_path / "net.py", tmp_path / "known.json"
    old, new = REAL.format(name="Old"), REAL.format(name="New").replace("from torch import nn\n", "")
    model.write_text(old)
    assert lint(model, "--baseline", baseline, "--write-baseline").exit_code == 0
    model.write_text(old + new)
    assert lint(model, "--baseline", baseline, "--fix").exit_code == 0
    text = model.read_text()
    assert text.startswith(old)
    assert text != old + new
