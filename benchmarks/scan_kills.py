"""Scans repositories while workers and the client are killed at random: no file may be lost, and none may be doubled.

    python benchmarks/scan_kills.py --kills 20 --timeout 3 --python .venv/bin/python FOLDER...

Processes of the cluster and of the workers that have torch loaded are killed in turn, and the client at last; then
the scan goes on with --resume. At the end, it is repeated without a change. Prints the number of files, those that
were lost or doubled, and the seconds of both scans.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

COMMAND = [sys.executable, "-m", "resnet_lint"]
FILES = "SELECT repository, path FROM read_parquet('{}/files/run=*/*.parquet', hive_partitioning=true) {}"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seconds-between", type=float, default=30.0)
    arguments.add_argument("--timeout", default="10")
    arguments.add_argument("--python", default=sys.executable, help="the interpreter that loads the models")
    given = arguments.parse_args()
    options = ["--workers", "2", "--timeout", given.timeout, "--python", given.python, "--isolated", "--exit-zero"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        results = Path(folder, "results")
        words = [*COMMAND, "scan", *map(str, given.folders), *options, "--results", str(results)]
        expected = Counter((str(folder.resolve()), name) for folder in given.folders for name in _files(folder))
        first = _seconds(lambda: _scanned(words, given.kills, given.seconds_between))
        wrong = _report("first", results, expected, first)
        second = _seconds(lambda: subprocess.run(words, stdout=subprocess.DEVNULL))
        wrong += _report("unchanged", results, expected, second)
    return int(bool(wrong))


def _files(folder: Path) -> list[str]:
    words = [*COMMAND, "--isolated", "--show-files", "."]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


def _scanned(words: list[str], kills: int, seconds: float) -> None:
    """Scan, with random kills; the last one is that of the client, after which the scan goes on."""
    chance = random.Random(0)
    client = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    for number in range(1, kills + 1):
        with suppress(subprocess.TimeoutExpired):
            client.wait(chance.uniform(0.5, 1.5) * seconds)
            break
        if number == kills:
            client.kill()
            client.wait()
            print(f"kill {number}: the client", flush=True)
            subprocess.run([*words, "--resume"], stdout=subprocess.DEVNULL)
            return
        _kill_one(client.pid, chance, number)


def _kill_one(client: int, chance: random.Random, number: int) -> None:
    mark = b"start.py" if number % 2 else b"multiprocessing"
    victims = [pid for pid in _below(client) if mark in _command_of(pid)]
    if victims:
        victim = chance.choice(victims)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        print(f"kill {number}: process {victim} ({mark.decode()})", flush=True)


def _below(pid: int) -> list[int]:
    """The processes that a process has started, directly or not."""
    with suppress(OSError):
        own = [
            int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
        ]
        return [*own, *(below for child in own for below in _below(child))]
    return []


def _command_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _report(name: str, results: Path, expected: Counter[tuple[str, str]], seconds: float) -> int:
    """Print what the last run has; return the number of files that are lost or doubled."""
    last = "WHERE run = (SELECT max(run) FROM read_parquet('{}/times/run=*/*.parquet', hive_partitioning=true))"
    found = Counter(duckdb.execute(FILES.format(results, last.format(results))).fetchall())
    lost, doubled = (expected - found).total(), (found - expected).total()
    print(f"{name}: {found.total()} files, {lost} lost, {doubled} doubled; {seconds:.0f} s", flush=True)
    return lost + doubled


if __name__ == "__main__":
    sys.exit(main())
