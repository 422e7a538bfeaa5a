"""What the rules on silent mistakes cost: the check of a file with them, against the same check without.

    python benchmarks/silent_rules.py FILE... [--pairs N]

Each check runs in a new process, alternately with and without, and the medians of the processor time are compared.
Torch is imported once, before all of them, so its price is in neither. The target is a ratio of at most 1.6.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from pathlib import Path

from resnet_lint.worker.torch_quirks.dynamo import stand_in

stand_in()

from resnet_lint.shared.records.requests import CheckRequest
from resnet_lint.worker import check
from resnet_lint.worker.process.guard import Guard
from resnet_lint.worker.tracer.in_place_changes import Watch


def with_the_rules(path: Path) -> None:
    check.analyse(CheckRequest(str(path), seconds=300.0), Guard())


def without_the_rules(path: Path) -> None:
    """The same check, without following what is changed in place and without looking for silent mistakes."""
    check.observe = lambda traces, seconds: ()
    Watch.reads = Watch.changes = lambda *args: None  # type: ignore[method-assign,assignment]
    with_the_rules(path)


def cpu_seconds(check: Callable[[Path], None], path: Path) -> float:
    """The processor time of a check in a child process; what is patched there stays there."""
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        check(path)
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{path}: the check failed")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    for path in arguments.files:
        both = [
            (cpu_seconds(without_the_rules, path.resolve()), cpu_seconds(with_the_rules, path.resolve()))
            for _ in range(arguments.pairs)
        ]
        plain, ruled = (statistics.median(times) for times in zip(*both, strict=True))
        print(f"{path.name}: {plain:.2f} s without, {ruled:.2f} s with, ratio {ruled / plain:.2f}", flush=True)


if __name__ == "__main__":
    main()
