"""The command line: its arguments, its requests to the worker, its output and its exit codes."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_workers import FakeWorkers, stand_in
from sample_runs import span

from resnet_lint import HOMEPAGE, __version__
from resnet_lint.front.cli import main
from resnet_lint.front.terminal import Progress
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.records.findings import Finding, Severity
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest, Target

MODEL = "from torch import nn\n\n\nclass Net(nn.Module): ...\n\n\ndef make(): ...\n"

RULE = '''
from resnet_lint.rule import Case, Rule


class Mine(Rule):
    """What it does: finds nothing."""

    code = "{code}"
    name = "my-own-rule"
    bad = [Case("a bad one", "x = bad()")]
    good = [Case("a good one", "x = good()")]

    def check(self, analysis):
        return []
'''


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> FakeWorkers:
    return stand_in(FakeWorkers(), monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Run = Callable[..., Result]


@pytest.fixture
def run(workers: FakeWorkers, folder: Path) -> Run:
    return lambda *args: CliRunner().invoke(main, args, prog_name="resnet-lint")


def write_rule(folder: Path, code: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{code}.py").write_text(RULE.format(code=code))


@pytest.mark.parametrize("args", [[], ["."], ["check"], ["check", "net.py"], ["--verbose", "net.py"], ["net.py::Net"]])
def test_check_is_the_default_command(args: list[str], run: Run, workers: FakeWorkers, folder: Path) -> None:
    result = run(*args)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [request.path for request in workers.requests] == [str(folder / "net.py")]
    assert "0 errors, 0 warnings; 1 class checked, 0 not checked; 1 file" in result.stdout


def test_a_folder_that_is_named_like_a_command(run: Run, workers: FakeWorkers, folder: Path) -> None:
    (folder / "rules").mkdir()
    (folder / "rules/model.py").write_text(MODEL)
    assert run("./rules").exit_code == 0
    assert [request.path for request in workers.requests] == [str(folder / "rules/model.py")]


def test_the_worker_is_told_what_the_user_said(run: Run, workers: FakeWorkers, folder: Path) -> None:
    write_rule(folder / "mine", "XX1")
    result = run(
        "net.py::Net", "--call", "Net(64, stride=2)", "--input", "x=2x3x8x8", "--input", "ids=2:int64",
        "--timeout", "5", "--rules", "mine",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert workers.requests == [
        CheckRequest(
            path=str(folder / "net.py"),
            only_class="Net",
            targets=(Target("Net", "Net(64, stride=2)", ("x=2x3x8x8", "ids=2:int64"), "--call"),),
            seconds=5.0,
            rule_folders=(str(folder / "mine"),),
        )
    ]


def test_the_configuration_holds_and_the_command_line_wins(run: Run, workers: FakeWorkers, folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.resnet-lint]\ntimeout = 7\nformat = 'json'\n")
    assert json.loads(run("net.py").stdout)["tool"]["torch"] == "2.13.0"
    assert "1 class checked" in run("net.py", "--format", "text", "--timeout", "8").stdout
    assert "1 class checked" in run("net.py", "--isolated").stdout
    assert [request.seconds for request in workers.requests] == [7.0, 8.0, 60.0]


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        (None, None, 0),
        ("error", None, 1),
        ("warning", None, 0),
        ("warning", "warning", 1),
        ("info", "warning", 0),
        ("info", "info", 1),
        ("error", "never", 0),
    ],
)
def test_the_exit_code(
    severity: Severity | None, fail_on: str | None, code: int, run: Run, workers: FakeWorkers
) -> None:
    workers.severity = severity
    result = run("net.py", *(["--fail-on", fail_on] if fail_on else []))
    assert result.exit_code == code
    assert ("XX103" in result.stdout) is (severity is not None)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["missing.py"], "missing.py: no such file or directory"),
        (["--nonsense"], "No such option"),
        (["--format", "xml"], "Invalid value for '--format'"),
        (["--input", "x=2y3"], "invalid input 'x=2y3'; expected NAME=SHAPE"),
        (["--input", "x=2", "--input", "x=3"], "input 'x' is given twice"),
        (["--timeout", "0"], "--timeout: 0.0 must be a positive number of seconds"),
        (["--timeout", "nan"], "--timeout: nan must be a positive number of seconds"),
        (["--select", "ZZ9"], "no rule has the code 'ZZ9'"),
        (["--rules", "nowhere"], "no rule directory at"),
        (["--output", "no/such/report.txt"], "--output: no such directory:"),
        (["--config", "missing.toml"], "missing.toml: cannot read the configuration"),
        (["net.py::Nets"], "net.py defines no nn.Module class or function Nets; did you mean Net?"),
        (["net.py::Model"], "net.py defines no nn.Module class or function Model; it defines Net"),
        (["plain.py::Net"], "plain.py defines no nn.Module class or function Net; it defines none"),
        (["-", "net.py"], "standard input cannot be combined with paths"),
        (["--stdin-filename", "net.txt"], "--stdin-filename: net.txt: not a Python file"),
        (["--watch", "-"], "--watch cannot be combined with standard input"),
        (["--exclude", "!", "net.py"], "exclude: '!' is not a valid"),
        (["--extend-select", "ZZ9"], "no rule has the code 'ZZ9'"),
        (["--call", "Net()"], "--call requires a single file"),
        (["net.py", "plain.py", "--call", "Net()"], "--call requires a single file"),
        (["net.py", "--call", "Other()"], "--call: net.py defines no Other"),
        (["net.py", "--call", "Net("], "--call: 'Net(' is not a call"),
        (["net.py", "--call", "Net"], "--call: 'Net' is not a call"),
        (["rules", "ZZ9"], "no rule has the code 'ZZ9'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    args: list[str], line: str, run: Run, workers: FakeWorkers, folder: Path
) -> None:
    (folder / "plain.py").write_text("x = 1\n")
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("resnet-lint: ")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1
    assert workers.requests == []


@pytest.mark.parametrize("call", ["Net(64)", "make()"])
def test_a_call_of_what_the_file_defines(call: str, run: Run, workers: FakeWorkers) -> None:
    assert run("net.py", "--call", call).exit_code == 0
    assert [target.call for request in workers.requests for target in request.targets] == [call]


def test_an_unreadable_file_is_a_finding_and_needs_no_worker(run: Run, workers: FakeWorkers, folder: Path) -> None:
    (folder / "net.py").write_text("class Net(nn.Module)\n")
    result = run("net.py")
    assert result.exit_code == 1
    assert "net.py:1:21: error: RL001" in result.stdout
    assert "nothing was checked: net.py: " in result.stdout
    assert workers.requests == []


def test_selecting_does_not_hide_an_unreadable_file(run: Run, folder: Path) -> None:
    write_rule(folder / "mine", "XX1")
    (folder / "net.py").write_text("class Net(nn.Module)\n")
    assert run("net.py", "--rules", "mine", "--select", "XX").exit_code == 1
    assert run("net.py", "--rules", "mine", "--ignore", "XX,RL001").exit_code == 0


def test_select_and_ignore(run: Run, workers: FakeWorkers, folder: Path) -> None:
    workers.severity = "error"
    for code in ("XX103", "XX2"):
        write_rule(folder / "mine", code)
    codes = {
        ("--select", "XX1"): 1,
        ("--select", "XX2"): 0,
        ("--select", "XX2, XX103"): 1,
        ("--select", "XX2", "--select", "XX103"): 1,
        ("--ignore", "XX1"): 0,
        ("--select", "XX103", "--ignore", "XX"): 0,
    }
    assert {args: run("net.py", "--rules", "mine", *args).exit_code for args in codes} == codes


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("empty", "nothing was checked: no Python files found in empty\n"),
        ("tools", "nothing was checked: no nn.Module class in 2 Python files\n"),
        ("tools/run.py", "nothing was checked: no nn.Module class in tools/run.py\n"),
    ],
)
def test_nothing_to_check_is_said_and_needs_no_worker(
    path: str, why: str, run: Run, workers: FakeWorkers, folder: Path
) -> None:
    (folder / "empty").mkdir()
    (folder / "tools").mkdir()
    (folder / "tools/run.py").write_text("import torch\n")
    (folder / "tools/errors.py").write_text("import torch\nclass Bad(Exception): ...\n")
    result = run(path)
    assert result.exit_code == 0
    assert result.stdout.startswith(why)
    assert workers.requests == []


def test_one_finding_for_one_expression_of_many_models(run: Run, workers: FakeWorkers, folder: Path) -> None:
    (folder / "two.py").write_text(MODEL)
    shared = str(folder / "blocks.py")

    def analyse(request: CheckRequest) -> FileReport:
        name = Path(request.path).stem
        severity: Severity = "error" if name == "two" else "warning"
        finding = Finding("XX1", "fake", severity, "wrong", span(Path(shared), 1, 1, 1, 2), module_paths=(name, "both"))
        return FileReport(request.path, (finding,))

    workers.analyse = analyse  # type: ignore[method-assign]
    [finding] = json.loads(run(".", "--format", "json").stdout)["findings"]
    assert finding["module_paths"] == ["two", "both", "net"]
    assert finding["severity"] == "error"  # a warning met first does not hide it


def test_output_goes_to_a_file_and_nowhere_else(run: Run, workers: FakeWorkers, folder: Path) -> None:
    workers.severity = "error"
    result = run("net.py", "--output", "report.txt")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "")
    assert (folder / "report.txt").read_text().startswith("net.py:4:1: error: XX103 it is wrong\n")
    assert sorted(path.name for path in folder.iterdir()) == ["net.py", "report.txt"]


def test_a_failed_write_leaves_the_old_report(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "report.txt").write_text("old")

    def refuse(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    result = run("net.py", "--output", "report.txt")
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert (folder / "report.txt").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["net.py", "report.txt"]


def test_an_interrupt_is_one_line_and_130(run: Run, workers: FakeWorkers) -> None:
    workers.error = KeyboardInterrupt()
    result = run("net.py")
    assert result.exit_code == 130
    assert result.stderr.strip() == "resnet-lint: interrupted"


def test_a_fault_of_the_tool_is_one_line(run: Run, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.error = ZeroDivisionError("oh\nno")
    monkeypatch.delenv("RESNET_LINT_TRACEBACK", raising=False)
    result = run("net.py")
    assert result.exit_code == 2
    fault = "internal error of resnet-lint: net.py: ZeroDivisionError: oh no"
    assert result.stderr == f"resnet-lint: {fault}; RESNET_LINT_TRACEBACK=1 shows the traceback\n"
    monkeypatch.setenv("RESNET_LINT_TRACEBACK", "1")
    result = run("net.py")
    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr


def test_the_version(run: Run) -> None:
    assert run("--version").stdout == f"resnet-lint {__version__}\n"


def test_rules_lists_ones_own_too(run: Run, folder: Path) -> None:
    write_rule(folder / "mine", "XX7")
    (folder / "pyproject.toml").write_text("[tool.resnet-lint]\nrules = ['mine']\n")
    result = run("rules")
    assert result.exit_code == 0
    assert ["XX7", "my-own-rule", "error"] in [line.split() for line in result.stdout.splitlines()]


def test_rules_that_begin_with_a_code(run: Run) -> None:
    listed = [line.split()[0] for line in run("rules", "RL1").stdout.splitlines()[2:]]
    assert listed == [rule.code for rule in load_rules() if rule.code.startswith("RL1")]


def test_rules_as_json(run: Run) -> None:
    rules = {rule["code"]: rule for rule in json.loads(run("rules", "--format", "json").stdout)}
    assert sorted(rules) == [rule.code for rule in load_rules()]
    page = f"{HOMEPAGE}/blob/v{__version__}/rules/residual_channels.py"
    assert rules["RL101"] | {"explanation": ""} == {
        "code": "RL101",
        "name": "residual-channels-mismatch",
        "severity": "error",
        "fixable": True,
        "url": page,
        "explanation": "",
    }
    assert not rules["RL001"]["fixable"]
    assert run("rules", "RL101").stdout.endswith(f"\n\n{page}\n")


def test_rules_explains_one(run: Run, folder: Path) -> None:
    write_rule(folder / "mine", "XX7")
    (folder / "pyproject.toml").write_text("[tool.resnet-lint]\nrules = ['mine']\n")
    assert run("rules", "XX7").stdout == (
        "XX7 my-own-rule (error)\n\nWhat it does: finds nothing.\n\n"
        "Bad: a bad one\n\n    x = bad()\n\nGood: a good one\n\n    x = good()\n"
    )


@pytest.mark.parametrize("colour", [True, False])
def test_colour_is_for_terminals_that_want_it(
    colour: bool, run: Run, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers.severity = "error"
    assert "\x1b" not in CliRunner().invoke(main, ["net.py"], color=True).stdout
    monkeypatch.setattr("resnet_lint.front.terminal.is_terminal", lambda stream: True)
    monkeypatch.setenv("NO_COLOR", "" if colour else "1")
    assert ("\x1b" in CliRunner().invoke(main, ["net.py"], color=True).stdout) is colour


def test_colour_is_forced_without_links(run: Run, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.severity, workers.code = "error", "RL101"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = CliRunner().invoke(main, ["net.py"]).stdout
    assert "\x1b[31m" in shown
    assert "\x1b]8" not in shown  # what is no terminal opens no page


def test_a_terminal_opens_the_page_of_a_rule(run: Run, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.severity, workers.code = "error", "RL101"
    for module in ("terminal", "check.check_and_report"):
        monkeypatch.setattr(f"resnet_lint.front.{module}.is_terminal", lambda stream: True)
    shown = CliRunner().invoke(main, ["net.py"], color=True).stdout
    assert f"\x1b]8;;{HOMEPAGE}/blob/v{__version__}/rules/residual_channels.py\x1b\\" in shown


def test_exit_zero(run: Run, workers: FakeWorkers, folder: Path) -> None:
    workers.severity = "error"
    assert run("net.py", "--exit-zero").exit_code == 0
    assert run("missing.py", "--exit-zero").exit_code == 2


def test_short_spellings(run: Run, workers: FakeWorkers, folder: Path) -> None:
    workers.severity = "error"
    assert run("net.py", "-q", "-j", "1", "-o", "report.txt").exit_code == 1
    assert (folder / "report.txt").read_text().startswith("net.py:4:1: error: XX103 it is wrong\n")
    assert "checked" not in (folder / "report.txt").read_text()
    assert "checked" in run("-v", "net.py").stdout
    for command in ([], ["check"], ["trace"], ["run"], ["rules"]):
        assert run(*command, "-h").stdout.startswith("Usage: ")


def test_extend_select_adds_to_what_is_selected(run: Run, workers: FakeWorkers, folder: Path) -> None:
    workers.severity = "error"
    for code in ("XX103", "XX2"):
        write_rule(folder / "mine", code)
    (folder / "pyproject.toml").write_text("[tool.resnet-lint]\nselect = ['XX2']\nrules = ['mine']\n")
    assert run("net.py").exit_code == 0
    assert run("net.py", "--extend-select", "XX1").exit_code == 1
    assert run("net.py", "--isolated", "--extend-select", "RL1").exit_code == 1  # all are on


def test_excluded_files_that_are_named(run: Run, workers: FakeWorkers, folder: Path) -> None:
    workers.severity = "error"
    (folder / "pyproject.toml").write_text("[tool.resnet-lint]\nexclude = ['old/']\n")
    (folder / "old").mkdir()
    (folder / "old/net.py").write_text(MODEL)
    assert run("old/net.py").exit_code == 1
    forced = run("old/net.py", "--force-exclude")
    assert (forced.exit_code, forced.stdout.splitlines()[0]) == (0, "nothing was checked: old/net.py is excluded")
    assert run("old", "--force-exclude").exit_code == 0
    assert run("old/net.py::Net", "net.py", "--force-exclude", "--format", "concise").stdout.startswith("net.py:4:1: ")
    assert run("old/net.py", "--force-exclude", "--exclude", "net.py").exit_code == 0
    assert run("old/net.py", "--force-exclude", "--exclude", "new").exit_code == 1  # it takes the place of the file's
    assert run(".", "--exclude", "net.py").stdout.startswith("nothing was checked")


def test_exclude_of_the_command_line_is_relative_to_the_working_folder(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text("[tool.resnet-lint]\n")
    (folder / "sub").mkdir()
    (folder / "sub/net.py").write_text(MODEL)
    monkeypatch.chdir(folder / "sub")
    assert run(".", "--exclude", "/net.py").stdout.startswith("nothing was checked")
    assert run("--show-files", "--exclude", "/sub/net.py").stdout == "net.py\n"


def test_show_files(run: Run, workers: FakeWorkers, folder: Path) -> None:
    (folder / "plain.py").write_text("x = 1\n")
    (folder / "two.py").write_text(MODEL)
    assert run("--show-files").stdout == "net.py\ntwo.py\n"
    assert run("--show-files", "net.py::Net", "plain.py").stdout == "net.py::Net\nplain.py\n"
    assert run("--show-files", "--shard", "1/2").stdout == "net.py\n"
    assert workers.requests == []


class Terminal(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal
        self.written = threading.Event()

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        finally:
            self.written.set()

    def isatty(self) -> bool:
        return self.terminal


def test_progress_appears_after_its_delay_and_leaves_nothing_behind() -> None:
    stream = Terminal(terminal=True)
    with Progress(stream, delay=0.0) as progress:
        progress.total = 3
        with progress.at("a.py"):
            assert stream.written.wait(30)
            with progress.at("b.py"):
                assert stream.getvalue().endswith("0/3 a.py, b.py")
        with progress.at("c.py"):
            assert stream.getvalue().endswith("2/3 c.py")
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_quick_work_shows_no_progress() -> None:
    stream = Terminal(terminal=True)
    with Progress(stream, delay=3600.0) as progress, progress.at("a.py"):
        pass
    assert stream.getvalue() == ""


def test_a_pipe_gets_no_progress() -> None:
    stream = Terminal(terminal=False)
    with Progress(stream, delay=0.0) as progress, progress.at("a.py"):
        pass
    assert stream.getvalue() == ""
