"""How many broken models `--fix` repairs: real models that run, each broken in one place.

    python benchmarks/mutations.py MODELS --python PYTHON [--each N] [--kind TEXT] [--keep FOLDER]

A line of MODELS, such as `mutation_models.txt`, is `FOLDER MODULE EXPRESSION SHAPE`; folders are relative to `--root`,
where the repositories are cloned and the packages installed. The folder is copied, the module in it broken by one
operator of `crash_operators.py`, and fixed by the tool. A mutant counts if the model ran before and fails now. It is
repaired if it runs forward and backward again, with the shapes of outputs and state dict of the original, and no
addition less. Any other change that `--fix` writes is wrong. PYTHON is the interpreter with the packages of the models.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_operators import Mutation, mutations

_OBSERVER = Path(__file__).with_name("observe_model.py")


@dataclass(frozen=True)
class Entry:
    """A model of the list: a folder for the path, a module, the expression that builds it, the shape of its input."""

    folder: Path
    module: str
    expression: str
    shape: str

    @property
    def file(self) -> Path:
        return Path(*self.module.split(".")).with_suffix(".py")

    @property
    def copied(self) -> Path:
        """What has to be copied, relative to the folder: the package of the module, or everything."""
        first = Path(self.module.partition(".")[0])
        return first if (self.folder / first / "__init__.py").exists() else Path()

    def observed(self, folder: Path, python: str) -> dict[str, Any] | None:
        """What the model gives; None if it fails."""
        command = [python, str(_OBSERVER), str(folder), self.module, self.expression, self.shape]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return None
        return json.loads(run.stdout.splitlines()[-1]) if run.returncode == 0 and run.stdout else None


def entries(path: Path, root: Path = Path()) -> list[Entry]:
    lines = [line.split(maxsplit=2) for line in path.read_text().splitlines() if line and not line.startswith("#")]
    rest = [line[2].rpartition(" ") for line in lines]
    return [
        Entry(root / folder, module, expression, shape)
        for (folder, module, _), (expression, _, shape) in zip(lines, rest, strict=True)
    ]


def judged(entry: Entry, mutation: Mutation, good: dict[str, Any], arguments: argparse.Namespace) -> str | None:
    """`fixed`, `wrong`, `missed` or `not found`; None if the mutant does not count."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        shutil.copytree(
            entry.folder / entry.copied, folder / entry.copied, ignore=shutil.ignore_patterns("*.pyc", ".git")
        )
        path = folder / entry.file
        source = path.read_text(encoding="utf-8")
        broken = mutation.applied(source)
        path.write_text(broken, encoding="utf-8")
        if entry.observed(folder, arguments.python) is not None:
            return None
        before = {file: file.read_bytes() for file in folder.rglob("*.py")}
        began = time.monotonic()
        command = [
            arguments.tool,
            "check",
            "--fix",
            "--no-cache",
            "--timeout",
            "600",
            "--format",
            "json",
            "--python",
            arguments.python,
        ]
        run = subprocess.run(
            [*command, str(path)], capture_output=True, text=True, timeout=900, check=False, cwd=folder
        )
        seconds = time.monotonic() - began
        changed = [file for file, text in before.items() if file.read_bytes() != text]
        seen = entry.observed(folder, arguments.python) if changed else None
        verdict = _verdict(run.stdout, bool(changed), seen, good)
        _keep(entry, mutation, source, broken, path, run, verdict, seconds, arguments.keep)
        return verdict


def _verdict(report: str, changed: bool, seen: dict[str, Any] | None, good: dict[str, Any]) -> str:
    if not changed:
        errors = [f for f in json.loads(report or '{"findings": []}')["findings"] if f["severity"] == "error"]
        return "missed" if errors else "not found"
    if seen is None:
        return "wrong: still fails"
    same = seen["outputs"] == good["outputs"] and seen["state"] == good["state"]
    return "fixed" if same and seen["additions"] >= good["additions"] else "wrong: another model"


def _keep(
    entry: Entry,
    mutation: Mutation,
    source: str,
    broken: str,
    path: Path,
    run: subprocess.CompletedProcess[str],
    verdict: str,
    seconds: float,
    folder: Path | None,
) -> None:
    """Keep the two diffs of a mutant, and what the tool said, for reading."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{mutation.kind.replace(' ', '_')}-{entry.module}-{mutation.line}-{mutation.start}"
    texts = [source, broken, path.read_text(encoding="utf-8")]
    lines = [text.splitlines() for text in texts]
    parts = [f"{verdict}, {seconds:.0f} s: {entry.expression}", "== mutation"]
    parts += difflib.unified_diff(lines[0], lines[1], lineterm="", n=2)
    parts += ["== fix", *difflib.unified_diff(lines[1], lines[2], lineterm="", n=3)]
    for finding in json.loads(run.stdout or '{"findings": []}')["findings"]:
        fix = finding["fix"]
        parts.append(
            f"== left {finding['severity']} {finding['rule']} line {finding['start']['line']}: {finding['message']}"
        )
        parts += [f"   cause line {cause['line']}: {cause['text']}" for cause in finding["causes"]]
        parts.append(f"   fix: {fix and (fix['title'], fix['applicability'], fix['verified'], fix['edits'])}")
    (folder / f"{name}.txt").write_text("\n".join([*parts, run.stderr]) + "\n", encoding="utf-8")


def drawn(models: list[Entry], kind: str, only: str) -> list[tuple[Entry, Mutation]]:
    """All mutations of all models, in an order that is random and the same in every run."""
    found = [
        (entry, mutation)
        for entry in models
        if only in entry.module
        for mutation in mutations((entry.folder / entry.file).read_text(encoding="utf-8"))
        if kind in mutation.kind
    ]
    random.Random(0).shuffle(found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--root", type=Path, default=Path(), help="where the folders of the models are")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--tool", default="resnet-lint")
    parser.add_argument("--each", type=int, default=15, help="how many mutants of a kind to count")
    parser.add_argument("--kind", default="", help="only kinds with this text")
    parser.add_argument("--only", default="", help="only modules with this text")
    parser.add_argument("--keep", type=Path, help="a folder for the diffs")
    arguments = parser.parse_args()
    results: list[tuple[str, str]] = []
    counted: Counter[str] = Counter()
    in_file: Counter[tuple[str, str]] = Counter()
    good: dict[Entry, dict[str, Any] | None] = {}
    for entry, mutation in drawn(entries(arguments.models, arguments.root), arguments.kind, arguments.only):
        if counted[mutation.kind] >= arguments.each or in_file[entry.module, mutation.kind] > arguments.each // 5:
            continue
        if entry not in good:
            good[entry] = entry.observed(entry.folder, arguments.python)
        seen = good[entry]
        verdict = judged(entry, mutation, seen, arguments) if seen is not None else None
        if verdict is not None:
            counted[mutation.kind] += 1
            in_file[entry.module, mutation.kind] += 1
            results.append((mutation.kind, verdict))
            print(f"{verdict:22} {mutation.kind}: {entry.module}:{mutation.line}", flush=True)
    _print_table(results)


def _print_table(results: list[tuple[str, str]]) -> None:
    """A line for each kind: how many were repaired, and how many edits were wrong."""
    for kind in (*sorted({kind for kind, _ in results}), "all"):
        own = [verdict for other, verdict in results if kind in (other, "all")]
        wrong = sum(verdict.startswith("wrong") for verdict in own)
        print(f"{kind:28} fixed {own.count('fixed')} of {len(own)}, wrong {wrong}, not found {own.count('not found')}")


if __name__ == "__main__":
    main()
