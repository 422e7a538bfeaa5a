"""Killed at any moment, a file is whole: the old one or the new one.

What a kill may leave behind is a hidden file beside the model (`.model.py.` and some letters), which no import and no
folder scan of Python files takes for the model.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resnet_lint.front.source.discover import discover

ROOT = Path(__file__).parents[3]
LEAST_KILLS = 15
MOST_KILLS = 150

# Two long texts, one after the other for as long as it is let.
WRITER = """
import sys
from pathlib import Path
from resnet_lint.shared.write_file import write_atomically
path = Path(sys.argv[1])
texts = [path.with_name(name).read_bytes() for name in ("old", "new")]
print("ready", flush=True)
while True:
    for text in texts:
        write_atomically(path, text)
"""

# `--fix` with a worker that needs no torch and no time, and with the fix of one file over and over.
FIXER = """
import sys
from pathlib import Path
from resnet_lint.front.options.configuration import load
from resnet_lint.front.fix import apply, verify
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest
path = Path(sys.argv[1])
texts = {path.with_name(a).read_text(): path.with_name(b).read_text() for a, b in (("old", "new"), ("new", "old"))}
settings = load({"fix": True}, cwd=path.parent, isolated=True)
verify.Fixer.fixed = lambda self, report, text, *rest: (texts[text], report)
print("ready", flush=True)
while True:
    apply.fixed(FileReport(str(path)), CheckRequest(str(path)), settings, lambda request: FileReport(request.path))
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [WRITER, FIXER], ids=["write_atomically", "the fix of a file"])
def test_a_file_is_never_torn(program: str, tmp_path: Path) -> None:
    old, new = (b"import torch\nclass Net: ...\n" + f"# {letter * 99}\n".encode() * 20_000 for letter in "ab")
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    model = tmp_path / "model.py"
    model.write_bytes(old)
    delays = random.Random(3)
    seen: set[bytes] = set()
    kills = 0
    while kills < LEAST_KILLS or (seen != {old, new} and kills < MOST_KILLS):  # a busy machine may not come to write
        kills += 1
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(model)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(delays.uniform(0.0, 0.1))
            process.kill()
        assert process.returncode == -signal.SIGKILL  # it was at work until then
        found = model.read_bytes()
        assert found in (old, new)
        seen.add(found)
        assert {path.name for path in tmp_path.iterdir() if path.name[0] != "."} == {"model.py", "new", "old"}
        assert [file.path for file in discover([str(tmp_path)], cwd=tmp_path).files] == [model]
    assert seen == {old, new}, "no write came through: the kills came too early to say anything"
