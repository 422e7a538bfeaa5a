"""How many broken models `--fix` repairs: real models that run, each broken in one place.

    python benchmarks/mutations.py MODELS --python PYTHON --results FILE [--called] [--minutes N] [--kind TEXT]

A line of MODELS, such as `mutation_models.txt`, is `FOLDER MODULE EXPRESSION SHAPE`; folders are relative to `--root`,
where the repositories are cloned and the packages installed. The folder is copied, the module in it broken by one
operator of `crash_operators.py`, and fixed by the tool. A mutant counts if the model ran before and fails now. It is
repaired if it runs forward and backward again, with the shapes of outputs and state dict of the original, and no
addition less. Any other change that `--fix` writes is wrong. PYTHON is the interpreter with the packages of the models.

With `--called`, the module calls its model, as a script does; else the tool has to guess a call, and may find nothing.
A line of FILE is the result of one mutant; those that are in it already are not run again, so a run can be continued.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from crash_operators import Mutation, mutations

_OBSERVER = Path(__file__).with_name("observe_model.py")
_SECONDS = 600
_MOST_OF_A_KIND = 10
"""How many mutants of a kind are tried in a module."""

_ERRORS = ("RuntimeError", "ValueError")
"""What torch raises for shapes that do not fit; a mutant that fails otherwise is another mistake, and not counted."""

_RIGHT_KIND = {
    "flag too generous": r"restrict|narrow|only where the shapes match|project|downsample",
    "stride lost in the branch": r"stride",
    "projection switched off": r"widen|project|pass the existing shortcut|use self\.|nn\.Conv|downsample|shortcut",
    "width in the branch": r"channels|features|planes|width",
    "shortcut not passed": r"pass|project|shortcut|downsample",
    "padding": r"padding",
    "projection's numbers": r"stride|channels|features",
    "flatten lost": r"flatten",
    "features of the head": r"features",
    "stride twice": r"stride",
}
"""The words in the findings of a mutant of each kind that name the right kind of fix."""


@dataclass(frozen=True)
class Entry:
    """A model of the list: a folder for the path, a module, the expression that builds it, the shape of its input."""

    folder: Path
    module: str
    expression: str
    shape: str
    slim: bool = False
    called: bool = False

    @property
    def file(self) -> Path:
        return Path(*self.module.split(".")).with_suffix(".py")

    @property
    def source(self) -> str:
        """The text of the module, with a call if `called`."""
        if not self.called:
            return self._text
        sizes = [f"torch.randn({part.replace('x', ', ')})" for part in self.shape.split(",")]
        call = f"    import torch\n\n    model = {self.expression}\n    model({', '.join(sizes)})\n"
        return f'{self._text.rstrip()}\n\n\nif __name__ == "__main__":\n{call}'

    @property
    def _text(self) -> str:
        """The text of the module; if `slim`, without the functions that build other sizes of the model."""
        text = (self.folder / self.file).read_text(encoding="utf-8")
        if not self.slim:
            return text
        body = ast.parse(text).body
        used, waiting = set[str](), set(re.findall(r"\w+", self.expression))
        named = {statement.name: statement for statement in body if isinstance(statement, ast.FunctionDef)}
        for statement in body:
            waiting |= set() if isinstance(statement, ast.FunctionDef) or _is_main(statement) else _names_in(statement)
        while waiting:
            name = waiting.pop()
            if name in named and name not in used:
                waiting |= _names_in(named[name])
            used.add(name)
        lines = text.splitlines(keepends=True)
        for statement in reversed(body):
            if (isinstance(statement, ast.FunctionDef) and statement.name not in used) or _is_main(statement):
                decorators = statement.decorator_list if isinstance(statement, ast.FunctionDef) else []
                first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
                del lines[first - 1 : statement.end_lineno]
        return "".join(lines)

    @property
    def copied(self) -> Path:
        """What has to be copied, relative to the folder: the package of the module, or everything."""
        first = Path(self.module.partition(".")[0])
        return first if (self.folder / first / "__init__.py").exists() else Path()


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__main__" in ast.unparse(statement.test)


def _names_in(node: ast.AST) -> set[str]:
    """The names that a statement reads."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


@dataclass(frozen=True)
class Result:
    """What `--fix` made of a mutant: `fixed`, `wrong: ...`, `missed`, `not found` or `not counted`."""

    kind: str
    module: str
    line: int
    start: int
    text: str
    verdict: str
    right_kind: bool = False
    processor_seconds: float = 0.0

    @property
    def mutant(self) -> tuple[str, str, int, str]:
        return self.kind, self.module, self.start, self.text


Model = tuple[Entry, dict[str, Any]]
"""A model that runs, and what it gives."""


class Observer:
    """A process that runs models, see `observe_model.py`."""

    def __init__(self, python: str) -> None:
        command = [python, str(_OBSERVER)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def observed(self, entry: Entry, folder: Path) -> dict[str, Any]:
        """What a model gives, or the name of the error."""
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"folder": str(folder), "module": entry.module}
        request |= {"expression": entry.expression, "shape": entry.shape}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def entries(path: Path, root: Path = Path()) -> list[Entry]:
    lines = [line.partition("#")[0].split(maxsplit=2) for line in path.read_text().splitlines()]
    parts = [(folder, module, *rest.strip().rpartition(" ")[::2]) for folder, module, rest in filter(None, lines)]
    return [Entry(root / folder, module, expression, shape) for folder, module, expression, shape in parts]


def judged(
    entry: Entry, mutation: Mutation, good: dict[str, Any], observer: Observer, args: argparse.Namespace
) -> Result:
    """Break a copy of a model, fix it, and run it again."""

    def result(verdict: str, right_kind: bool = False, seconds: float = 0.0) -> Result:
        m = mutation
        return Result(m.kind, entry.module, m.line, m.start, m.text, verdict, right_kind, round(seconds, 1))

    source = entry.source
    broken = mutation.applied(source)
    with _copied(entry, broken) as folder:
        path = folder / entry.file
        if observer.observed(entry, folder).get("error") not in _ERRORS:
            return result("not counted")
        files = {file: file.stat().st_ino for file in folder.rglob("*.py")}
        began = _processor_seconds()
        report = _fixed(path, folder, args)
        seconds = _processor_seconds() - began
        changed = [file for file, inode in files.items() if file.stat().st_ino != inode]
        seen = observer.observed(entry, folder)
        verdict = _verdict(report, bool(changed), seen, good)
        named = verdict == "fixed" or _names(_RIGHT_KIND[mutation.kind], report)
        _keep(entry, mutation, [source, broken, path.read_text(encoding="utf-8")], report, verdict, args.keep)
        return result(verdict, named, seconds)


def _processor_seconds() -> float:
    used = os.times()
    return used.children_user + used.children_system


@contextmanager
def _copied(entry: Entry, text: str) -> Iterator[Path]:
    """A copy of the folder of a model, with another text of its module."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        ignored = shutil.ignore_patterns("*.pyc", ".git")
        shutil.copytree(entry.folder / entry.copied, folder / entry.copied, ignore=ignored, copy_function=_linked)
        (folder / entry.file).unlink()
        (folder / entry.file).write_text(text, encoding="utf-8")
        yield folder


def _running(entry: Entry, observer: Observer) -> Model | None:
    """A model that runs, and what it gives: slim, if its package does not need what is left out."""
    for slim in (True, False):
        variant = replace(entry, slim=slim)
        with _copied(variant, variant.source) as folder:
            seen = observer.observed(variant, folder)
        if "error" not in seen:
            return variant, seen
    return None


def _linked(source: str, target: str) -> None:
    """A hard link: the tool writes files atomically, so the original stays as it is."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _fixed(path: Path, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """The report of the tool, which has written its fixes."""
    options = ["--no-cache", "--timeout", str(_SECONDS), "--format", "json", "--python", args.python]
    command = [args.tool, "check", "--fix", *options, str(path)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=2 * _SECONDS, check=False, cwd=folder)
    except subprocess.TimeoutExpired:
        return {"findings": [], "stderr": "took too long"}
    report: dict[str, Any] = json.loads(run.stdout or '{"findings": []}')
    return {**report, "stderr": run.stderr}


def _verdict(report: dict[str, Any], changed: bool, seen: dict[str, Any], good: dict[str, Any]) -> str:
    if not changed:
        errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
        return "missed" if errors else "not found"
    if "error" in seen:
        return "wrong: still fails"
    same = seen["outputs"] == good["outputs"] and seen["state"] == good["state"]
    return "fixed" if same and seen["additions"] >= good["additions"] else "wrong: another model"


def _names(words: str, report: dict[str, Any]) -> bool:
    return any(re.search(words, finding["fix"]["title"]) for finding in report["findings"] if finding["fix"])


def _keep(
    entry: Entry, mutation: Mutation, texts: list[str], report: dict[str, Any], verdict: str, folder: Path | None
) -> None:
    """Keep the two diffs of a mutant, and what the tool said, for reading."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{mutation.kind.replace(' ', '_')}-{entry.module}-{mutation.line}-{mutation.start}"
    lines = [text.splitlines() for text in texts]
    parts = [f"{verdict}: {entry.expression} {entry.shape}", "== mutation"]
    parts += difflib.unified_diff(lines[0], lines[1], lineterm="", n=2)
    parts += ["== fix", *difflib.unified_diff(lines[1], lines[2], lineterm="", n=3)]
    for finding in report["findings"]:
        fix = finding["fix"]
        start = f"== left {finding['severity']} {finding['rule']} line {finding['start']['line']}"
        parts.append(f"{start}: {finding['message']}")
        parts += [f"   cause line {cause['line']}: {cause['text']}" for cause in finding["causes"]]
        parts.append(f"   fix: {fix and (fix['title'], fix['applicability'], fix['verified'], fix['edits'])}")
    (folder / f"{name}.txt").write_text("\n".join([*parts, report["stderr"]]) + "\n", encoding="utf-8")


def drawn(models: list[Entry], kind: str, running: Callable[[Entry], Model | None]) -> Iterator[tuple[Model, Mutation]]:
    """The mutations of all models in an order that is the same in every run: kinds and modules take turns."""
    kinds = [name for name in _RIGHT_KIND if kind in name]
    orders = {name: random.Random(name).sample(models, len(models)) for name in kinds}
    for turn, name in product(range(_MOST_OF_A_KIND * len(models)), kinds):
        number, index = divmod(turn, len(models))
        model = running(orders[name][index])
        if model is None:
            continue
        own = [mutation for mutation in mutations(model[0].source) if mutation.kind == name]
        random.Random(name).shuffle(own)
        yield from ((model, mutation) for mutation in own[number : number + 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--results", type=Path, required=True, help="a file of JSON lines")
    parser.add_argument("--root", type=Path, default=Path(), help="where the folders of the models are")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--tool", default="resnet-lint")
    parser.add_argument("--called", action="store_true", help="add a call of the model to its module")
    parser.add_argument("--each", type=int, default=15, help="how many mutants of a kind to count")
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--kind", default="", help="only kinds with this text")
    parser.add_argument("--keep", type=Path, help="a folder for the diffs")
    args = parser.parse_args()
    results = _results(args.results)
    for result in _run(args, results):
        with args.results.open("a", encoding="utf-8") as file:
            print(json.dumps(asdict(result)), file=file)
        print(
            f"{result.verdict:22} {result.kind}: {result.module}:{result.line} {result.processor_seconds} s", flush=True
        )
        results.append(result)
    _print_table(results)


def _results(path: Path) -> list[Result]:
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def _run(args: argparse.Namespace, results: list[Result]) -> Iterator[Result]:
    """The results of mutants that have none yet; `results` grows meanwhile."""
    ends = time.monotonic() + 60 * args.minutes
    observer = Observer(args.python)

    @cache
    def running(entry: Entry) -> Model | None:
        return _running(entry, observer)

    models = [replace(entry, called=args.called) for entry in entries(args.models, args.root)]
    for (entry, good), mutation in drawn(models, args.kind, running):
        counted = [result for result in results if result.kind == mutation.kind and result.verdict != "not counted"]
        in_module = [result for result in counted if result.module == entry.module]
        known = (mutation.kind, entry.module, mutation.start, mutation.text) in {r.mutant for r in results}
        if known or len(counted) >= args.each or len(in_module) > args.each // 5:
            continue
        if time.monotonic() > ends:
            return
        yield judged(entry, mutation, good, observer, args)


def _print_table(results: list[Result]) -> None:
    """A line for each kind: how many were repaired, and how many edits were wrong."""
    counted = [result for result in results if result.verdict != "not counted"]
    for kind in (*sorted({result.kind for result in counted}), "all"):
        own = [result for result in counted if kind in (result.kind, "all")]
        verdicts = [result.verdict for result in own]
        wrong, named = sum(v.startswith("wrong") for v in verdicts), sum(result.right_kind for result in own)
        print(
            f"{kind:28} fixed {verdicts.count('fixed')} of {len(own)}, right kind {named}, wrong {wrong}, "
            f"not found {verdicts.count('not found')}"
        )


if __name__ == "__main__":
    main()
