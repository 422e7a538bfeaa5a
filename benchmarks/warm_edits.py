"""Random edits of files, checked by the processes of `server --warm` and without them: the reports have to be the same.

    python benchmarks/warm_edits.py 100 models/*.py            # 100 edits, one in every file at a time
    python benchmarks/warm_edits.py --kills 40 models/*.py     # 40 checks, killing a random process during each

After a kill, the report has to be the same, or the exit code has to say that there is none; the next run starts what is
missing, and its report has to be right; and nothing may be left. The edits are made in copies. Prints what differs,
and the seconds of both ways.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

WORDS = "import sys; sys.argv[0] = 'resnet-lint'; from resnet_lint.front.start import main; main()"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("number", type=int)
    arguments.add_argument("files", nargs="+", type=Path)
    arguments.add_argument("--kills", action="store_true")
    arguments.add_argument("--python", default=sys.executable, help="the interpreter that loads the models")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # the processes that stay are stopped
    with tempfile.TemporaryDirectory(prefix="w") as folder:
        there = Runner(Path(folder, "warm"), given.python)
        here = Runner(Path(folder, "cold"), given.python)
        there.start()
        try:
            work = _kills if given.kills else _edits
            wrong = work(given.number, given.files, Path(folder), there, here)
        finally:
            there.command("server", "--stop")
        left = there.left()
        print(f"{wrong} of {given.number} wrong; {len(left)} processes left; {there.seconds:.0f} s warm, ", end="")
        print(f"{here.seconds:.0f} s cold")
        return int(bool(wrong or left))


class Runner:
    """Runs commands whose processes that stay have their sockets in a folder; counts the seconds of the reports."""

    def __init__(self, folder: Path, python: str) -> None:
        folder.mkdir()
        self._environment = os.environ | {"XDG_RUNTIME_DIR": str(folder), "XDG_CACHE_HOME": str(folder)}
        self._python = python
        self.seconds = 0.0

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", WORDS, *words], env=self._environment, text=True, capture_output=True
        )

    def start(self) -> bool:
        """Start the processes that stay, unless they run; whether that was possible."""
        return self.command("server", "--warm", "--python", self._python).returncode == 0

    def started(self, path: Path, *options: str) -> subprocess.Popen[str]:
        words = ["check", "--no-cache", "--timeout", "600", "--python", self._python, "--format", "json", *options]
        return subprocess.Popen(
            [sys.executable, "-c", WORDS, *words, str(path)],
            env=self._environment,
            text=True,
            cwd=path if path.is_dir() else path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def report(self, path: Path, *options: str) -> Any:
        began = time.perf_counter()
        done = self.started(path, *options)
        out, err = _output(done)
        self.seconds += time.perf_counter() - began
        return _comparable(done.returncode, out, err)

    def stays(self) -> list[int]:
        """The processes that stay, and their forks."""
        marker = self._environment["XDG_RUNTIME_DIR"].encode()
        return [pid for pid in _pids() if marker in _command_of(pid) and b"stay" in _command_of(pid)]

    def left(self) -> list[int]:
        deadline = time.monotonic() + 30
        while (left := self.stays()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left


def _edits(number: int, files: list[Path], folder: Path, there: Runner, here: Runner) -> int:
    """The number of edited files whose reports differ."""
    chance, wrong = random.Random(0), 0
    for done in range(0, number, len(files)):
        copies = [_copy(file, folder / "project", chance) for file in files]
        warm, cold = there.report(folder / "project"), here.report(folder / "project")
        different = [copy for copy in copies if _about(copy, warm) != _about(copy, cold)]
        wrong += len(different) or int(warm != cold)
        if warm != cold:
            print(f"exit codes {warm[0]} and {cold[0]}; stderr {warm[2]!r} and {cold[2]!r}")
        for copy in different:
            print(f"differs: {copy.name}\n{_about(copy, warm)}\n{_about(copy, cold)}\n{copy.read_text()}")
        print(done + len(files), f"edits, {wrong} wrong", flush=True)
    return wrong


def _about(file: Path, report: Any) -> Any:
    """The findings and classes of a file in a report."""
    _, fields, _ = report
    findings = [finding for finding in fields.get("findings", ()) if finding["path"] == file.name]
    return findings, [module for module in fields.get("modules", ()) if module["target"].startswith(file.name)]


def _kills(number: int, files: list[Path], folder: Path, there: Runner, here: Runner) -> int:
    """The number of checks that are wrong, or have a wrong one after them, while one of the processes is killed."""
    chance, wrong = random.Random(0), 0
    copies = [_copy(file, folder / file.stem, chance) for file in files]
    expected = {copy: here.report(copy) for copy in copies}
    for done in range(number):
        copy = chance.choice(copies)
        client = there.started(copy, "--warm")
        time.sleep(chance.random() * 1.5)
        victim = chance.choice([client.pid, *_servers(there.stays())])
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        out, err = _output(client)
        report = _comparable(client.returncode, out, err)
        was_right = client.returncode in (2, -signal.SIGKILL) or report == expected[copy]
        is_right = there.report(copy, "--warm") == expected[copy]
        wrong += not (was_right and is_right)
        who = "client" if victim == client.pid else "other"
        print(done + 1, copy.name, who, client.returncode, was_right, is_right, flush=True)
    return wrong


def _servers(pids: list[int]) -> list[int]:
    """The processes that stay and their forks, without the children of these: those are killed by what they check."""
    parents = {pid: _parent_of(pid) for pid in pids}
    return [pid for pid, parent in parents.items() if parents.get(parent) not in parents]


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _output(client: subprocess.Popen[str]) -> tuple[str, str]:
    """What a check prints; the check is ended with the benchmark."""
    try:
        return client.communicate()
    finally:
        client.kill()


def _copy(file: Path, folder: Path, chance: random.Random) -> Path:
    """A copy of a file in a folder, with one random edit: another number, or a line that is deleted or repeated."""
    path = folder / file.name
    path.parent.mkdir(exist_ok=True)
    lines = file.read_text().splitlines(keepends=True)
    at = chance.randrange(len(lines))
    numbers = [index for index, line in enumerate(lines) if re.search(r"\b\d+\b", line)]
    match chance.choice(("number", "number", "delete", "repeat")):
        case "number" if numbers:
            at = chance.choice(numbers)
            lines[at] = re.sub(r"\b\d+\b", str(chance.choice((1, 2, 3, 8, 16, 32, 64))), lines[at], count=1)
        case "delete":
            del lines[at]
        case _:
            lines.insert(at, lines[at])
    path.write_text("".join(lines))
    return path


def _comparable(code: int | None, out: str, err: str) -> Any:
    fields = json.loads(out) if out else {"summary": {}}
    fields["summary"].pop("seconds", None)
    return code, fields, err


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(main())
