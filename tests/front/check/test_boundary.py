"""An exception while one file is checked, fixed or reported affects only this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Lint
from fake_workers import FakeWorkers, stand_in
from fixing import block, write

from resnet_lint.front.check.report.forms import json as json_form
from resnet_lint.front.check.selection import Selector
from resnet_lint.front.fix.verify import Fixer
from resnet_lint.shared.errors import WorkerError

MODEL = "from torch import nn\n\n\nclass Net(nn.Module):\n    pass\n"


class Panic(BaseException):
    """An internal error of libcst's parser, which is compiled, is not an Exception."""


def raises_for(name: str, works: Any, error: BaseException, path_of: Any) -> Any:
    """A function that raises for the file with this name, and otherwise calls the function that it replaces."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if Path(path_of(*args, **kwargs)).name == name:
            raise error
        return works(*args, **kwargs)

    return wrapped


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("bad.py", "good.py"):
        write(tmp_path, MODEL, name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("error", [KeyError("planes"), RecursionError("too deep"), Panic("at lib.rs")])
@pytest.mark.parametrize("form", ["json", "sarif", "text"])
def test_an_error_while_a_file_is_checked(
    form: str, error: BaseException, files: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = stand_in(FakeWorkers(), monkeypatch)
    fake.severity, fake.code = "error", "RL101"
    analyse = raises_for("bad.py", fake.analyse, error, lambda request: request.path)
    monkeypatch.setattr(fake, "analyse", analyse)
    result = lint(".", "--format", form)
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(f"resnet-lint: internal error of resnet-lint: bad.py: {type(error).__name__}: ")
    assert "good.py" in result.stdout
    assert "RL101" in result.stdout


def test_an_error_while_a_file_is_fixed(tmp_path: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = block(["self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)"], ["return self.conv(x) + x"])
    for name in ("bad.py", "good.py"):
        write(tmp_path, faulty, name)
    monkeypatch.chdir(tmp_path)
    offered = raises_for(
        "bad.py", Fixer.offered, AssertionError("no such node"), lambda self, finding, *_: finding.span.path
    )
    monkeypatch.setattr(Fixer, "offered", offered)
    result = lint(".", "--format", "json")
    found = {finding["path"]: finding["fix"] for finding in json.loads(result.stdout)["findings"]}
    assert (result.exit_code, set(found)) == (2, {"bad.py", "good.py"})
    assert found["good.py"]["edits"]
    assert not found["bad.py"]["edits"]  # its findings are reported all the same
    assert "bad.py: AssertionError: no such node" in result.stderr


def test_an_error_while_the_comments_of_a_file_are_remarked_on(
    files: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(FakeWorkers(), monkeypatch)
    remarks = raises_for("bad.py", Selector.remarks, ValueError("a comment"), lambda self, path, *_, **__: path)
    monkeypatch.setattr(Selector, "remarks", remarks)
    result = lint(".")
    assert result.exit_code == 2
    assert "bad.py: ValueError: a comment" in result.stderr
    assert "2 files" in result.stdout or "2 checked" in result.stdout


def test_an_error_while_a_file_is_reported(files: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = stand_in(FakeWorkers(), monkeypatch)
    fake.severity = "error"
    finding = raises_for("bad.py", json_form._finding, IndexError("a line"), lambda finding, view: finding.span.path)
    monkeypatch.setattr(json_form, "_finding", finding)
    result = lint(".", "--format", "json")
    assert result.exit_code == 2
    assert [finding["path"] for finding in json.loads(result.stdout)["findings"]] == ["good.py"]
    assert "bad.py: IndexError: a line" in result.stderr


def test_a_report_that_fails_whatever_the_file_is_a_fault_of_the_run(
    files: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(FakeWorkers(), monkeypatch)

    def fails(*args: Any) -> None:
        raise IndexError("a line")

    monkeypatch.setattr(json_form, "_run", fails)
    result = lint(".", "--format", "json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "IndexError: a line" in result.stderr


def test_a_worker_that_cannot_serve_ends_the_run(files: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = stand_in(FakeWorkers(), monkeypatch)
    fake.error = WorkerError("no torch in python")
    result = lint(".")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "resnet-lint: no torch in python\n"
