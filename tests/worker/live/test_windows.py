"""Without the functions that Windows lacks, the Python API works, and the commands report that they don't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

LIKE_WINDOWS = """
import os, signal, sys
import torch
sys.modules["resource"] = None
for module, names in ((signal, ("setitimer", "SIGALRM", "SIGKILL")), (os, ("fork", "killpg", "sysconf"))):
    for name in names:
        delattr(module, name)
import model, resnet_lint
print(resnet_lint.check(model.WideningBlock))
"""


def test_the_python_api(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_bytes((ROOT / "fixtures" / "f3_channels" / "model.py").read_bytes())
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", LIKE_WINDOWS], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "model.py:15:15: error: RL101" in done.stdout, done.stderr


# What the modules that exist on Windows only would be needed for is imported before.
COMMANDS = """
import asyncio, click._compat, click._termui_impl, importlib.abc, multiprocessing, os, platformdirs.unix, signal, socket
import subprocess, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "grp", "pwd", "resource", "termios"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules.pop(name, None)
for module, names in (
    (signal, ("setitimer", "SIGALRM", "SIGKILL")), (socket, ("AF_UNIX",)),
    (os, ("fork", "getuid", "killpg", "setsid", "sched_getaffinity", "sysconf")),
):
    for name in names:
        delattr(module, name)
sys.platform = "win32"
from resnet_lint.front.start import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["resnet-lint", *line.split()]
    try:
        main()
    except SystemExit as end:
        print(f"{line}: {end.code or 0}")
"""

REFUSED = (
    "model.py",
    "--warm model.py",
    "trace model.py",
    "run model.py",
    "metrics labels.csv",
    "server",
    "mcp",
    "scan .",
)
WORK = ("--version", "rules RL10", "--show-files", "--show-settings", "explain traceback.txt")


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_bytes((ROOT / "fixtures" / "f3_channels" / "model.py").read_bytes())
    (tmp_path / "labels.csv").write_text("label,prediction\n0,0\n1,0\n")
    frame = '  File "model.py", line 15, in forward\n    out = out + x\n'
    (tmp_path / "traceback.txt").write_text(
        f"{frame}RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 and 8x1)\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COMMANDS]
    lines = "\n".join((*WORK, *REFUSED))
    done = subprocess.run(command, cwd=tmp_path, env=env, input=lines, capture_output=True, text=True)
    ends = [line for line in done.stdout.splitlines() if line.rpartition(":")[0] in (*WORK, *REFUSED)]
    assert ends == [*(f"{line}: 0" for line in WORK), *(f"{line}: 2" for line in REFUSED)], done.stdout + done.stderr
    assert "expects 8 input features but gets 5" in done.stdout
    assert "Based on the message alone: files cannot be checked on Windows." in done.stdout
    errors = done.stderr.splitlines()
    assert len(errors) == len(REFUSED), done.stderr
    assert all(
        "resnet-lint: files cannot be checked on Windows, where processes cannot fork" in line for line in errors
    )
