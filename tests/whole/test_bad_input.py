"""Bad paths and model files: one clear line or finding, the right exit code, and nothing changed."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from conftest import Lint

ROOT = Path(__file__).parents[2]

BLOCK = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
"""
UNGUESSABLE = BLOCK.replace("__init__(self)", "__init__(self, plan)").replace(
    "super().__init__()", "super().__init__(*plan)"
)

# A class body runs during the import; unlike a failed assignment, an error in it is not skipped.
ON_IMPORT = """
{imports}
from torch import nn


class Net(nn.Module):
    {statement}

    def forward(self, x):
        return x
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def lint(lint: Lint, folder: Path) -> Lint:
    """The command line, which must leave the working folder as it is."""

    def lint_and_compare(*args: object) -> Result:
        before = contents(folder)
        result = lint(*args)
        assert contents(folder) == before
        return result

    return lint_and_compare


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, with the bytes of the files."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def write(source: str | bytes, name: str = "model.py") -> None:
    Path(name).write_bytes(source.encode() if isinstance(source, str) else source)


def on_import(statement: str, imports: str = "") -> None:
    write(ON_IMPORT.format(imports=imports, statement=statement))


def assert_refused(result: Result, line: str) -> None:
    """Not done: exit code 2, one line on stderr, nothing on stdout."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


def assert_found(result: Result, *, code: str, exit_code: int, says: str) -> None:
    """One finding with these words, and the plain statement that nothing was checked. What was refused is no matter."""
    headlines = [line for line in result.stdout.splitlines() if line.startswith("model.py:")]
    [headline] = [line for line in headlines if "RL006" not in line]
    assert f" {code}" in headline
    assert says in headline
    assert "nothing was checked" in result.stdout
    assert "0 classes checked" in result.stdout
    assert (result.exit_code, result.stderr) == (exit_code, "")


def test_a_missing_path(lint: Lint) -> None:
    assert_refused(lint("missing.py"), "missing.py: no such file or directory")


def test_an_empty_folder(lint: Lint, folder: Path) -> None:
    result = lint(folder)
    assert result.exit_code == 0
    assert "nothing was checked: no Python files found" in result.stdout


def test_a_file_with_no_module(lint: Lint) -> None:
    write("import torch\nx = 1\n")
    result = lint("model.py")
    assert result.exit_code == 0
    assert "nothing was checked: no nn.Module class in model.py" in result.stdout


def test_a_class_that_only_looks_like_a_module(lint: Lint) -> None:
    write("from collections import namedtuple as Base\nfrom decimal import *\n\nclass Net(Decimal): ...\n")
    assert "nothing was checked" in lint("model.py").stdout


def test_a_binary_file(lint: Lint) -> None:
    write(bytes(range(256)))
    assert_found(lint("model.py"), code="RL001", exit_code=1, says="NUL bytes")


def test_a_syntax_error(lint: Lint) -> None:
    write(BLOCK.replace("(nn.Module):", "(nn.Module)"))
    assert_found(lint("model.py"), code="RL001", exit_code=1, says="syntax error: expected ':'")


def test_bad_utf_8(lint: Lint) -> None:
    write(BLOCK.encode() + b"# caf\xe9\n")
    assert_found(lint("model.py"), code="RL001", exit_code=1, says="byte 0xe9 is not valid utf-8")


@pytest.mark.parametrize(
    ("imports", "statement", "says"),
    [
        ("import torch.no_such_part", "pass", "No module named 'torch.no_such_part'"),
        ("import modell", "pass", "No module named 'modell'"),
        ("", "raise ModuleNotFoundError('pip install it')", "ModuleNotFoundError: pip install it"),
        ("", "raise ValueError('no data')", "ValueError: no data"),
        ("", "1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys", "sys.exit(3)", "it exits during the import (exit code 3)"),
        ("import os", "os._exit(7)", "it ends the interpreter (exit code 7)"),
        ("import ctypes", "ctypes.string_at(0)", "it ends the interpreter (killed by signal 11)"),
        ("import os, signal", "os.kill(os.getpid(), signal.SIGKILL)", "it ends the interpreter (killed by signal 9)"),
        ("def recurse(): recurse()", "recurse()", "RecursionError"),
        ("", "blob = bytearray(1 << 44)", "MemoryError: it takes more than half of the machine's memory"),
        (
            "import torch",
            "blob = torch.zeros(1 << 42)",
            "RuntimeError: it takes more than half of the machine's memory",
        ),
        ("import os", "os.closerange(3, 100)", "it closes or writes to open files that are not its own"),
        ("import os", "[os.write(1, b'x' * 10_000_000) for _ in range(20)]", "it prints more than 20 MB"),
        ("import os, signal", "os.kill(os.getpid(), signal.SIGSEGV)", "it ends the interpreter (killed by signal 11)"),
    ],
)
def test_a_file_that_fails_on_import(imports: str, statement: str, says: str, lint: Lint) -> None:
    on_import(statement, imports)
    assert_found(lint("model.py"), code="RL002", exit_code=1, says=says)


@pytest.mark.parametrize(
    "statement",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.pause()",
    ],
)
def test_a_file_that_never_ends_on_import(statement: str, lint: Lint) -> None:
    on_import(statement)
    assert_found(lint("model.py", "--timeout", "1"), code="RL002", exit_code=1, says="it is not done after 1 s")


def test_an_imported_file_that_never_ends(lint: Lint) -> None:
    write("while True: pass\n", "helpers.py")
    on_import("pass", "import helpers")
    assert_found(lint("model.py", "--timeout", "1"), code="RL002", exit_code=1, says="it is not done after 1 s")


def test_a_crash_costs_one_file_only(lint: Lint) -> None:
    on_import("os._exit(7)", "import os")
    write(BLOCK, "sound.py")
    result = lint(".")
    assert result.exit_code == 1
    assert "1 error, 0 warnings; 1 class checked, 0 not checked; 2 files" in result.stdout


@pytest.mark.parametrize("name", ["queue", "random", "typing_extensions"])
def test_files_that_are_named_like_modules_that_torch_imports(name: str, folder: Path) -> None:
    """In a new process, because the first imports of the worker matter; the console script implies -P."""
    write(BLOCK)
    write("raise ImportError('not meant')\n", f"{name}.py")
    command = [sys.executable, "-P", "-m", "resnet_lint", "model.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 class checked" in run.stdout


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_file_that_prints_a_lot_on_import(stream: str, lint: Lint) -> None:
    write("import sys\nn = sys." + stream + ".write('x' * 5_000_000)\nimport os\nm = os.write(1, b'x' * 100)\n" + BLOCK)
    result = lint("model.py")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("0 errors, 0 warnings; 1 class checked")


# `old` is a file of the user and `new` is none yet; `temporary` is a file that the model made in the temporary folder.
CHANGES = """
    open(old, 'w').write('gone')
    os.remove(old)
    shutil.rmtree(folder)
    pathlib.Path(old).write_text('gone')
    os.replace(temporary, old)
    shutil.move(temporary, new)
    torch.save({}, new)
    sqlite3.connect(new)
    os.system(f'rm {old}')
    subprocess.run(['rm', old])
"""


@pytest.mark.parametrize("statement", CHANGES.split("\n    ")[1:])
def test_changes_of_files_and_other_programs_are_refused(statement: str, lint: Lint, folder: Path) -> None:
    write("not to be lost", "precious.txt")
    names = f"folder = {str(folder)!r}; old, new = folder + '/precious.txt', folder + '/new.txt'"
    temporary = "temporary = tempfile.mkstemp()[1]"
    imports = "import os, pathlib, shutil, sqlite3, subprocess, tempfile, torch"
    on_import(statement.strip(), f"{imports}\n{names}\n{temporary}")
    assert_found(lint("model.py"), code="RL002", exit_code=1, says="resnet-lint blocks")


def test_a_temporary_file_has_its_limit(lint: Lint) -> None:
    write("block = bytes(50_000_000)\n", "blocks.py")
    statement = "tempfile.TemporaryFile().writelines([block] * 20)"
    on_import(statement, "import tempfile\nfrom blocks import block")
    assert_found(lint("model.py"), code="RL002", exit_code=1, says="File too large")


def test_temporary_files_are_allowed_and_gone_afterwards(lint: Lint) -> None:
    write("import tempfile\nwith tempfile.NamedTemporaryFile('w') as file:\n    name = file.name\n" + BLOCK)
    assert lint("model.py").exit_code == 0


def test_a_connection_is_refused(lint: Lint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        on_import(f"socket.create_connection(('127.0.0.1', {port}), 1)", "import socket")
        assert_found(lint("model.py"), code="RL002", exit_code=1, says="blocks using the network during the check")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_download_in_a_constructor_is_refused(lint: Lint) -> None:
    write(BLOCK.replace("super().__init__()", "super().__init__(); urllib.request.urlopen('http://127.0.0.1:9/')"))
    write("import urllib.request\n" + Path("model.py").read_text())
    result = lint("model.py", "--format", "json")
    found = {finding["rule"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert found.keys() == {"RL003", "RL006"}
    assert "blocks using the network during the check" in found["RL003"]["message"]
    assert found["RL006"]["start"] == {"line": 8, "column": 29}


def test_a_constructor_that_never_ends(lint: Lint) -> None:
    write(BLOCK.replace("super().__init__()", "super().__init__()\n        while True: pass"))
    assert_found(lint("model.py", "--timeout", "3"), code="RL003", exit_code=0, says="could not be constructed")


STUBBORN = "while True:\n            try: x = x + 1\n            except: pass"


@pytest.mark.parametrize("loop", ["while True: pass", STUBBORN])
def test_a_forward_that_never_ends(loop: str, lint: Lint) -> None:
    write(BLOCK.replace("return self.conv(x)", loop))
    result = lint("model.py", "--timeout", "3")
    assert "nothing was checked" in result.stdout
    assert re.search(r"not done (after|within) \d s", result.stdout)


def test_a_forward_that_kills_the_interpreter(lint: Lint) -> None:
    write("import os\n" + BLOCK.replace("return self.conv(x)", "os._exit(5)"))
    assert_found(lint("model.py"), code="RL002", exit_code=1, says="it ends the interpreter (exit code 5)")


@pytest.mark.parametrize("method", ["__init__", "forward"])
@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_a_class_that_wants_to_end_everything_costs_no_other_class(statement: str, method: str, lint: Lint) -> None:
    line = "super().__init__()" if method == "__init__" else "return self.conv(x)"
    write(BLOCK + BLOCK.replace("Net", "Stop").replace(line, f"{line.removeprefix('return ')}; {statement}"))
    result = lint("model.py")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 class checked, 1 not checked" in result.stdout


@pytest.mark.parametrize("method", ["__init__", "forward"])
def test_an_error_that_cannot_be_shown(method: str, lint: Lint) -> None:
    line = "super().__init__()" if method == "__init__" else "return self.conv(x)"
    silent = "class Silent(Exception):\n    def __str__(self):\n        raise ValueError\n\n\n"
    write(silent + BLOCK.replace(line, f"{line.removeprefix('return ')}; raise Silent"))
    assert_found(lint("model.py"), code="RL00", exit_code=0, says="Silent")


def test_attributes_that_cannot_be_asked_for(lint: Lint) -> None:
    """What the tool asks a model for by itself must not be able to break it."""
    answer = "\n    def __getattr__(self, name):\n        if name in ('example_input_array', 'default_cfg'):\n"
    write(BLOCK + f"{answer}            raise RuntimeError\n        return super().__getattr__(name)\n")
    result = lint("model.py")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 class checked" in result.stdout


def test_arguments_that_nobody_can_guess(lint: Lint) -> None:
    write(UNGUESSABLE)
    result = lint("model.py")
    assert_found(result, code="RL003", exit_code=0, says="no value for `plan` could be inferred")
    assert "# resnet-lint: call=Net(plan=...)" in result.stdout


def test_a_constructor_that_fails(lint: Lint) -> None:
    write(BLOCK.replace("nn.Conv2d(3, 8, 3)", "missing"))
    assert_found(lint("model.py"), code="RL404", exit_code=1, says="name 'missing' is not defined")


def test_a_forward_without_tensors(lint: Lint) -> None:
    write(BLOCK.replace("self.conv(x)", "{'answer': x['question'] + 'yes'}"))
    assert_found(lint("model.py"), code="RL004", exit_code=0, says="could not be traced")


def test_a_forward_without_inputs(lint: Lint) -> None:
    write(BLOCK.replace("forward(self, x)", "forward(self)").replace("self.conv(x)", "42"))
    result = lint("model.py")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 class checked, 0 not checked" in result.stdout


def test_warnings_can_fail_the_check(lint: Lint) -> None:
    write(UNGUESSABLE)
    assert lint("model.py", "--fail-on", "warning").exit_code == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x", "invalid input 'x'; expected NAME=SHAPE"),
        ("x=", "invalid input 'x='; expected NAME=SHAPE"),
        ("x=2x0x4", "invalid input 'x=2x0x4'; expected NAME=SHAPE"),
        ("x=2x-1", "invalid input 'x=2x-1'; expected NAME=SHAPE"),
        ("x=2x3x8x8:float", "unknown dtype 'float'"),
    ],
)
def test_a_bad_text_of_an_input(text: str, line: str, lint: Lint) -> None:
    write(BLOCK)
    assert_refused(lint("model.py", "--input", text), line)


def test_an_input_that_forward_does_not_have(lint: Lint) -> None:
    write(BLOCK)
    result = lint("model.py", "--input", "image=2x3x8x8")
    assert_found(result, code="RL004", exit_code=0, says="image")


def test_an_input_that_does_not_fit_is_a_finding(lint: Lint) -> None:
    write(BLOCK)
    result = lint("model.py", "--input", "x=2x5x8x8")
    assert result.exit_code == 1
    assert "RL301 conv expects 3 channels, but gets (2, 5, 8, 8)" in result.stdout


@pytest.mark.parametrize("call", ["Net(", "Net", "1 + 1", "", "import os", "Net().conv"])
def test_a_call_that_is_no_call(call: str, lint: Lint) -> None:
    write(BLOCK)
    assert_refused(lint("model.py", "--call", call), "--call")


def test_a_call_of_what_does_not_exist(lint: Lint) -> None:
    write(BLOCK)
    assert_refused(lint("model.py", "--call", "Nett()"), "model.py defines no Nett")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("Net(64)", "TypeError"),
        ("Net(missing)", "NameError"),
        ("Net(1 / 0)", "ZeroDivisionError"),
        ("Net(open(__file__, 'w'))", "resnet-lint blocks writing"),
    ],
)
def test_a_call_that_raises(call: str, says: str, lint: Lint) -> None:
    write(BLOCK)
    assert_found(lint("model.py::Net", "--call", call), code="RL003", exit_code=0, says=says)


def test_a_call_that_gives_no_module(lint: Lint) -> None:
    write(BLOCK + "\n\ndef make():\n    return 42\n")
    assert_found(
        lint("model.py::Net", "--call", "make()"), code="RL003", exit_code=0, says="it returns an object of type int"
    )


def test_a_file_without_read_permission(lint: Lint) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    write(BLOCK)
    Path("model.py").chmod(0)
    result = lint("model.py")
    Path("model.py").chmod(0o600)
    assert_found(result, code="RL001", exit_code=1, says="cannot read the file")
