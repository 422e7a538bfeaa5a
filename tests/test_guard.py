"""The guard, in an interpreter of its own, for it cannot be undone: what it refuses and what it lets pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# `free` is the temporary folder, `kept` is any other; both hold a file named old.
SETTING = """
import os, pathlib, shutil, socket, sys, tempfile
free, kept = map(pathlib.Path, sys.argv[1:])
tempfile.tempdir = str(free)
from resnet_lint.model.guard import Refused, guard
guard()
try:
    {statement}
except Refused as error:
    print("refused:", error)
else:
    print("done")
"""


def guarded(statement: str, folder: Path) -> str:
    """What comes of a statement under the guard."""
    free, kept = folder / "free", folder / "kept"
    for each in (free, kept):
        each.mkdir()
        (each / "old").write_text("content")
    command = [sys.executable, "-c", SETTING.format(statement=statement), str(free), str(kept)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "open(kept / 'new', 'w')",
        "open(kept / 'old', 'r+')",
        "os.open(kept / 'old', os.O_RDWR)",
        "os.remove(kept / 'old')",
        "os.rename(kept / 'old', free / 'new')",
        "os.replace(free / 'old', kept / 'old')",
        "os.rename(free / 'old', kept / 'new')",
        "os.symlink(kept / 'old', kept / 'new')",
        "os.symlink(free / 'old', kept / 'new')",
        "os.mkdir(kept / 'new')",
        "os.rmdir(kept)",
        "shutil.rmtree(kept)",
        "os.chmod(kept / 'old', 0)",
        "os.utime(kept / 'old', (0, 0))",
        "open(free / '..' / 'kept' / 'old', 'w')",
        "os.chdir(kept); open('old', 'w')",
        "os.system('true')",
        "os.fork()",
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    ],
)
def test_is_refused(statement: str, tmp_path: Path) -> None:
    said = guarded(statement, tmp_path)
    assert said.startswith("refused: resnet-lint keeps the file from ")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["old"]
    assert (tmp_path / "kept/old").read_text() == "content"


@pytest.mark.parametrize(
    "statement",
    [
        "open(kept / 'old').read()",
        "os.listdir(kept)",
        "open(free / 'new', 'w')",
        "os.remove(free / 'old')",
        "os.mkdir(free / 'new')",
        "shutil.copy(kept / 'old', free / 'new')",
        "tempfile.mkdtemp()",
        "tempfile.TemporaryFile()",
        "tempfile.NamedTemporaryFile()",
        "open(os.devnull, 'w').write('x')",
        "import json, decimal",
    ],
)
def test_is_let_pass(statement: str, tmp_path: Path) -> None:
    assert guarded(statement, tmp_path) == "done\n"
