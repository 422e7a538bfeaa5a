"""The front never imports torch, which takes seconds and hundreds of megabytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The last line of the output says whether torch came in, however the command ended.
REPORT = """
import sys
try:
    {code}
finally:
    print("torch" in sys.modules)
"""


def imports_torch(code: str, *arguments: str | Path) -> bool:
    """Whether a fresh interpreter that runs this one line of code imports torch."""
    command = [sys.executable, "-c", REPORT.format(code=code), *map(str, arguments)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in run.stderr, run.stderr
    return run.stdout.splitlines()[-1] == "True"


def command_imports_torch(*arguments: str | Path) -> bool:
    return imports_torch("from resnet_lint.front.cli import main; main()", *arguments)


@pytest.mark.parametrize("argument", ["--help", "--version", "rules"])
def test_answers_without_torch(argument: str) -> None:
    assert not command_imports_torch(argument)


def test_folder_without_models_needs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("print('no model here')\n")
    assert not command_imports_torch("check", tmp_path)


def test_torch_stays_in_the_worker() -> None:
    assert not command_imports_torch("check", ROOT / "fixtures" / "f3_channels")


def test_optional_packages_are_imported_by_their_commands_only() -> None:
    optional = {"dask", "distributed", "duckdb", "fsspec", "lsprotocol", "mcp", "pyarrow", "pygls"}
    code = f"import resnet_lint.front.cli; print(sorted({optional} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", f"import sys; {code}"], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout == "[]\n"


def test_this_test_can_fail() -> None:
    assert imports_torch("import torch")


STARTED = """
import sys
from resnet_lint.front.cli import main
sys.addaudithook(lambda event, args: event == "subprocess.Popen" and print(args[1][-1], file=sys.stderr))
main()
"""


def test_an_unchanged_file_starts_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-c", STARTED, "check", str(ROOT / "fixtures/f3_channels"), "--quiet"]
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True) for _ in range(2))
    assert first.stdout == second.stdout != ""
    assert first.stderr.split() == ["facts", "work"]
    assert second.stderr.split() == []


def test_a_second_trace_starts_no_worker_and_sees_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = tmp_path / "model.py"
    model.write_bytes((ROOT / "fixtures/f3_channels/model.py").read_bytes())
    command = [sys.executable, "-c", STARTED, "trace", str(model)]
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True) for _ in range(2))
    assert first.stdout == second.stdout != ""
    assert (first.returncode, second.returncode) == (1, 1)
    assert first.stderr.split() == ["facts", "work"]
    assert second.stderr.split() == []
    model.write_bytes((ROOT / "fixtures/f3_channels/fixed.py").read_bytes())
    third = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (third.returncode, third.stderr.split()) == (0, ["work"])


def test_the_package_imports_no_torch_before_a_model_is_checked() -> None:
    assert not imports_torch("import resnet_lint; resnet_lint.check")
    assert not imports_torch("from resnet_lint import Report, check, contract, trace")
