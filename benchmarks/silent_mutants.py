"""How many silent mistakes in real models are found at the line where they were planted.

    python benchmarks/silent_mutants.py FILE... [--count 80] [--seed 0]

Each file has to run its model, as a script with `if __name__ == "__main__"` does. Operators (`mutation_operators`)
change one expression at a time. A mutant is kept if the script still runs, and if the outputs of its models in eval
mode have the same shapes as before but other values: then it is a mistake, and silent. It has to be fair, too; see
`mutant_runs`. A mutant is found if the check
of the changed file has a finding on the changed statement from a rule that reports nothing there in the original file.

Mutants are drawn at random, one operator after the other, until `--count` are kept; of the same expression, also in
another file, one per operator. Prints a line per mutant, and a
table by operator. New findings on other lines are counted separately.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mutant_runs import Run, is_fair_mistake, run
from mutation_operators import Mutant, mutants

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.errors import ToolFault
from resnet_lint.shared.records.requests import CheckRequest

Outcome = Literal["found", "elsewhere", "missed"]


@dataclass(frozen=True)
class Original:
    """A file that runs, with what its models compute."""

    path: Path
    source: str
    run: Run


@cache
def findings_in(path: Path, source: str, workers: WorkerClient) -> frozenset[tuple[str, int]]:
    """The rules and lines of the findings in a source text."""
    report = workers.analyse(CheckRequest(str(path), source=source))
    return frozenset((finding.rule, finding.span.start.line) for finding in report.findings)


def drawn(originals: Sequence[Original], numbers: random.Random) -> Iterator[tuple[Original, Mutant]]:
    """All mutants in random order, one operator after the other."""
    waiting: dict[str, list[tuple[Original, Mutant]]] = defaultdict(list)
    for original in originals:
        for mutant in mutants(original.source):
            waiting[mutant.operator].append((original, mutant))
    for candidates in waiting.values():
        numbers.shuffle(candidates)
    while any(waiting.values()):
        for candidates in waiting.values():
            if candidates:
                yield candidates.pop()


def outcome(original: Original, mutant: Mutant, workers: WorkerClient) -> tuple[Outcome, str]:
    """Whether the check finds a mutant, and the rules that do."""
    changed = mutant.applied(original.source)
    new = findings_in(original.path, changed, workers) - findings_in(original.path, original.source, workers)
    here = {rule for rule, line in new if line in mutant.lines and rule >= "RL1"}
    there = {f"{rule}:{line}" for rule, line in new if rule >= "RL1"}
    if here:
        return "found", " ".join(sorted(here))
    return ("elsewhere" if there else "missed"), " ".join(sorted(there))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    kept: dict[str, Counter[Outcome]] = defaultdict(Counter)
    with WorkerClient() as workers:
        originals = []
        for path in arguments.files:
            source = path.read_text(encoding="utf-8")
            first = run(source, path)
            if first is None:
                print(f"{path}: does not run", flush=True)
            else:
                originals.append(Original(path.resolve(), source, first))
        taken: set[tuple[str, str]] = set()
        for original, mutant in drawn(originals, random.Random(arguments.seed)):
            place = (mutant.operator, mutant.original)
            if sum(map(Counter.total, kept.values())) == arguments.count:
                break
            if place in taken:
                continue
            if is_fair_mistake(original.run, mutant.marked(original.source), original.path):
                taken.add(place)
                try:
                    result, rules = outcome(original, mutant, workers)
                except ToolFault as fault:
                    result, rules = "missed", str(fault)
                kept[mutant.operator][result] += 1
                where = f"{original.path.name}:{mutant.start[0]}"
                print(f"{result:9} {mutant.operator}: {where}: {' '.join(mutant.text.split())} {rules}", flush=True)
    total: Counter[Outcome] = Counter()
    for operator, results in kept.items():
        total += results
        print(f"{operator}: {results['found']} of {results.total()}, {results['elsewhere']} more on another line")
    print(f"all: {total['found']} of {total.total()}, {total['elsewhere']} more on another line")


if __name__ == "__main__":
    main()
