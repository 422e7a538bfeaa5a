"""How long a check takes, in times of `import torch`: cold, unchanged, and with the processes that stay.

Needs a quiet machine.

    python benchmarks/instant.py [--pairs N] [--python PATH] [--package FOLDER]

All are measured in turn, N times, and the table has the medians of the wall times. With --package, a folder such as
that of timm is checked twice with a new cache: the first run takes minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

COMMAND = [sys.executable, "-P", "-c", "from resnet_lint.front.start import main; main()"]
MODEL = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = {shortcut}

    def forward(self, x):
        return self.shortcut(x) + self.conv2(torch.relu(self.conv1(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))

    def forward(self, x):
        return self.blocks(x)


Net()(torch.randn(2, 16, 32, 32))
"""
RIGHT = MODEL.format(shortcut="nn.Conv2d(channels, width, 1, stride)")
WRONG = MODEL.format(shortcut="nn.Identity()")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=10)
    arguments.add_argument("--python", default=sys.executable, help="the interpreter that loads the models")
    arguments.add_argument("--package", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="i") as folder:
        os.environ |= {"XDG_RUNTIME_DIR": folder, "XDG_CACHE_HOME": str(Path(folder, "cache"))}
        os.environ.pop("CI", None)
        try:
            _print_table(_seconds(Path(folder), given.python, given.pairs))
        finally:
            subprocess.run([*COMMAND, "server", "--stop"], stdout=subprocess.DEVNULL, check=True)
        if given.package is not None:
            words = ["--isolated", "--jobs", "2", "--exit-zero", "--python", given.python, str(given.package)]
            for run in ("first", "second"):
                print(f"{given.package.name}, {run} run: {_timed([*COMMAND, *words]):.1f} s", flush=True)


def _seconds(folder: Path, python: str, pairs: int) -> dict[str, list[float]]:
    """The wall times of everything, measured in turn."""
    found: dict[str, list[float]] = {}
    _timed([*COMMAND, "server", "--warm", "--python", python])
    for number in range(pairs + 1):
        for name, seconds in _turn(folder / "model.py", python, number):
            if number:  # the first turn only warms the caches of the system
                found.setdefault(name, []).append(seconds)
    return found


def _turn(file: Path, python: str, number: int) -> Iterator[tuple[str, float]]:
    cold = [*COMMAND, "--isolated", "--exit-zero", "--python", python, "--no-warm", str(file)]
    warm = [word for word in cold if word != "--no-warm"]
    yield "`import torch`", _timed([python, "-c", "import torch"])
    for name, text in (("a clean file", RIGHT), ("a fault with its verified fix", WRONG)):
        for way, words in (("", cold), (", processes kept", warm)):
            file.write_text(f"{text}# {number}{way}\n")
            yield f"{name}{way}", _timed(words)
            if text is RIGHT:
                yield f"the same, unchanged{way}", _timed(words)


def _timed(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _print_table(seconds: dict[str, list[float]]) -> None:
    unit = statistics.median(seconds["`import torch`"])
    print("| | seconds | times of `import torch` |\n|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.2f} | {median / unit:.2f} |", flush=True)


if __name__ == "__main__":
    main()
