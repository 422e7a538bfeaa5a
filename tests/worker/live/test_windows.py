"""Without the functions that Windows lacks, the Python API works, and the commands report that they don't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_lint.front.workers.interpreter import choose
from resnet_lint.shared.errors import WorkerError

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


def test_the_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(WorkerError, match=r"files cannot be checked on Windows.*resnet_lint\.check\(model\)"):
        choose(None, tmp_path)
