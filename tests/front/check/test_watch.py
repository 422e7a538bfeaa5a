"""`--watch`, in its own process, while files change."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

SECONDS = 120.0


class Watching:
    """A running `resnet-lint --watch`, and the lines that it prints."""

    def __init__(self, *args: str, cwd: Path) -> None:
        command = [sys.executable, "-m", "resnet_lint", "--watch", "--format", "concise", *args]
        self.process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def report(self) -> str:
        """The next report, up to the line that says what is watched."""
        text = ""
        while "watching " not in text:
            text += self.lines.get(timeout=SECONDS)
        return text


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    (tmp_path / "net.py").write_text("import torch\nclass Net(nn.Module\n")  # needs no worker
    watching = Watching(".", cwd=tmp_path)
    yield watching
    watching.process.kill()
    watching.process.wait()


def test_changes_new_files_and_the_end(watching: Watching, tmp_path: Path) -> None:
    assert "net.py:2:10: error: RL001" in watching.report()
    (tmp_path / "net.py").write_text("x = 1\n")
    assert "nothing was checked" in watching.report()
    (tmp_path / "sub").mkdir()
    assert "nothing was checked" in watching.report()
    (tmp_path / "sub/other.py").write_text("import torch\nclass Other(nn.Module\n")
    assert "sub/other.py:2:12: error: RL001" in watching.report()
    (tmp_path / "pyproject.toml").write_text("[tool.resnet-lint]\nselct = []\n")
    assert "unknown key 'selct'" in watching.report()
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(SECONDS) == 130
