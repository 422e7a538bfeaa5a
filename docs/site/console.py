"""Runs the commands shown in the documentation, and compares their output: `python docs/site/console.py [--write]`.

A block of the language `console` starts with `$ ` and a command. A line `...` stands for any lines; numbers of seconds
and milliseconds are not compared. `--write` replaces the output of blocks without `...`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_CHECKPOINTS = _ROOT / "checkpoints"  # where trainings write by default
_BLOCK = re.compile(r"^```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
_TIMES = re.compile(r"\d+(\.\d+)? m?s\b")


@dataclass(frozen=True)
class Example:
    """A command in a page, with the output that the page shows."""

    page: Path
    command: str
    output: str

    def matches(self, actual: str) -> bool:
        parts = re.split(r"^\.\.\.\n", _without_times(self.output), flags=re.MULTILINE)
        return re.fullmatch("(?s:.*?)".join(map(re.escape, parts)), _without_times(actual)) is not None


def examples() -> Iterator[Example]:
    for page in sorted((_ROOT / "docs").glob("*.md")):
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            yield Example(page, block["command"], block["output"])


def output_of(command: str) -> str:
    """What a command prints, with the commands of this environment first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=_ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    lines = (
        done.stderr.splitlines()[-1:] if done.returncode and "Traceback" in done.stderr else done.stderr.splitlines()
    )
    return "".join(f"{line.rstrip()}\n" for line in [*done.stdout.splitlines(), *lines])


def _without_times(text: str) -> str:
    return _TIMES.sub("N s", text)


def main() -> int:
    """Check or renew all examples; the exit code is 1 if one differs."""
    write, differ = "--write" in sys.argv, 0
    own_checkpoints = _CHECKPOINTS.exists()
    for example in examples():
        actual = output_of(example.command)
        if example.matches(actual):
            continue
        if write and "...\n" not in example.output:
            text = example.page.read_text(encoding="utf-8")
            head = f"```console\n$ {example.command}\n"
            example.page.write_text(text.replace(f"{head}{example.output}```", f"{head}{actual}```"), encoding="utf-8")
            print(f"renewed: {example.command}")
        else:
            differ += 1
            print(f"{example.page.name}: the output of `{example.command}` differs. It is now:\n{actual}")
    if not own_checkpoints:
        shutil.rmtree(_CHECKPOINTS, ignore_errors=True)
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
