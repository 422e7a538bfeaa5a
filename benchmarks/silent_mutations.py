"""How many planted silent mistakes are found in real models.

    python benchmarks/silent_mutations.py FILE... [--each N]

Plants mistakes in model files that are right, such as those of torchvision and timm, up to N of each kind in each file,
one at a time, and has the changed text checked in place of the file, which itself is not touched. Found is a mistake
that its rule reports inside the class it was planted in. Prints a line for each, and the share that was found.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest

SAVED = frozenset({"identity", "residual", "shortcut", "skip", "x_shortcut", "x_skip"})


@dataclass(frozen=True)
class Mutation:
    """One planted mistake: the text that takes the place of a piece of source, and the rule that should find it.

    `start` and `end` are a line, from 1, and a column, from 0.
    """

    kind: str
    rule: str
    owner: ast.ClassDef
    start: tuple[int, int]
    end: tuple[int, int]
    text: str

    def applied(self, source: str) -> str:
        lines = source.splitlines(keepends=True)
        (first, column), (last, end_column) = self.start, self.end
        before, after = lines[first - 1][:column], lines[last - 1][end_column:]
        return "".join([*lines[: first - 1], before + self.text + after, *lines[last:]])


def mutations(source: str) -> Iterator[Mutation]:
    """Every mistake that can be planted in a file, in words that the file knows."""
    tree = ast.parse(source)
    imports = [alias for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    known = {alias.asname or alias.name.partition(".")[0] for alias in imports}
    for planted in _mutations(tree):
        if set(re.findall(r"\b(torch|nn)\.", planted.text)) <= known:
            yield planted


def _mutations(tree: ast.Module) -> Iterator[Mutation]:
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            for method in owner.body:
                for plant in _plants(method):
                    for node in ast.walk(method):
                        yield from plant(node, owner)


def _plants(method: ast.stmt) -> Sequence[Callable[[ast.AST, ast.ClassDef], Iterator[Mutation]]]:
    """What plants mistakes in a method."""
    if not isinstance(method, ast.FunctionDef):
        return ()
    if method.name == "__init__":
        return (_in_constructor,)
    forward = "forward" in method.name
    return (_in_forward, _in_skip) if forward and _adds_saved(method) else (_in_forward,) if forward else ()


def _in_skip(node: ast.AST, owner: ast.ClassDef) -> Iterator[Mutation]:
    """Mistakes in a forward that closes a skip connection."""

    def instead(kind: str, rule: str, text: str) -> Mutation:
        return _replace(kind, rule, owner, node, text)

    match node:
        case ast.AugAssign(ast.Name(out), ast.Add(), ast.Name(saved)) if saved in SAVED:
            yield instead("addition removed", "RL208", "pass")
            yield instead("identity overwritten", "RL202", f"{out} += {out}")
            yield instead("wrong operator", "RL205", f"{out} -= {saved}")
            yield instead("result discarded", "RL207", f"{out}.add({saved})")
            yield instead("added twice", "RL209", f"{out} = {out} + {saved} + {saved}")
            yield instead("changed for backward", "RL204", f"{out} = {out}.sigmoid(); {out} += {saved}")
        case ast.BinOp(branch, ast.Add(), ast.Name(saved)) | ast.BinOp(ast.Name(saved), ast.Add(), branch):
            if saved in SAVED:
                yield instead("addition removed", "RL208", ast.unparse(branch))
                yield instead("wrong operator", "RL205", f"{saved} - ({ast.unparse(branch)})")
                yield instead("added twice", "RL209", f"{ast.unparse(branch)} + {saved} + {saved}")
        case ast.Assign([ast.Name(saved)], ast.Name(x)) if saved in SAVED:
            yield instead("identity changed in place", "RL203", f"{saved} = {x}; {x} = {x}.relu_()")
            yield instead("shortcut cut", "RL210", f"{saved} = {x}.detach()")


def _in_forward(node: ast.AST, owner: ast.ClassDef) -> Iterator[Mutation]:
    """Mistakes in any forward."""

    def instead(kind: str, rule: str, text: str) -> Mutation:
        return _replace(kind, rule, owner, node, text)

    match node:
        case ast.Call(ast.Attribute(ast.Call(ast.Attribute(x, "flatten"), [ast.Constant(2)]), "transpose"), [_, _]):
            tokens = ast.unparse(x)
            yield instead("view for transpose", "RL305", f"{tokens}.reshape({tokens}.shape[0], -1, {tokens}.shape[1])")
        case ast.Call(ast.Attribute(ast.Name("torch"), "flatten"), [x, ast.Constant(1)]):
            yield instead("batch squeezed", "RL304", f"torch.squeeze({ast.unparse(x)})")
        case ast.Call(ast.Attribute(x, "flatten"), [ast.Constant(1)]):
            yield instead("batch squeezed", "RL304", f"{ast.unparse(x)}.squeeze()")


def _in_constructor(node: ast.AST, owner: ast.ClassDef) -> Iterator[Mutation]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "nn.ModuleList" and len(node.args) <= 1:
        parts = f"list({ast.unparse(node.args[0])})" if node.args else "[]"
        yield _replace("plain list", "RL401", owner, node, parts)
    if isinstance(node, ast.ListComp) and isinstance(node.elt, ast.Call) and len(node.generators) == 1:
        [loop] = node.generators
        name = ast.unparse(loop.target)
        used = {child.id for child in ast.walk(node.elt) if isinstance(child, ast.Name)}
        if name not in used and ast.unparse(loop.iter).startswith("range("):
            text = f"[{ast.unparse(node.elt)}] * len({ast.unparse(loop.iter)})"
            yield _replace("shared block", "RL402", owner, node, text)
    if isinstance(node, ast.Expr) and ast.unparse(node).endswith("__init__()") and _adds_saved(owner):
        text = f"{ast.unparse(node)}; self.shortcut_proj = nn.Conv2d(8, 8, 1)"
        yield _replace("unused shortcut", "RL206", owner, node, text)
        text = f"{ast.unparse(node)}; self.spare_scale = nn.Parameter(torch.zeros(8))"
        yield _replace("unused parameter", "RL403", owner, node, text)


def _adds_saved(part: ast.AST) -> bool:
    """Whether a class or a method adds something that it has saved for the shortcut."""
    for node in ast.walk(part):
        match node:
            case ast.AugAssign(_, ast.Add(), ast.Name(name)) if name in SAVED:
                return True
            case ast.BinOp(left, ast.Add(), right) if {getattr(side, "id", None) for side in (left, right)} & SAVED:
                return True
    return False


def _replace(kind: str, rule: str, owner: ast.ClassDef, node: ast.AST, text: str) -> Mutation:
    assert isinstance(node, (ast.expr, ast.stmt)) and node.end_lineno and node.end_col_offset is not None
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return Mutation(kind, rule, owner, start, end, text)


def chosen(source: str, most: int) -> list[Mutation]:
    """The first few mistakes of each kind."""
    taken: Counter[str] = Counter()
    found = []
    for mutation in mutations(source):
        taken[mutation.kind] += 1
        if taken[mutation.kind] <= most:
            found.append(mutation)
    return found


def is_found(mutation: Mutation, path: Path, source: str, check: Callable[[CheckRequest], FileReport]) -> bool:
    """Whether the rule reports it: in one model for each class, or else in any model that the file builds."""
    inside = range(mutation.owner.lineno, (mutation.owner.end_lineno or 0) + 1)
    for quick in (True, False):
        findings = check(CheckRequest(str(path), source=mutation.applied(source), quick=quick)).findings
        if any(finding.rule == mutation.rule and finding.span.start.line in inside for finding in findings):
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=1)
    arguments = parser.parse_args()
    results: list[tuple[str, Path, bool]] = []
    with WorkerClient() as workers:
        for path in arguments.files:
            source = path.read_text(encoding="utf-8")
            for mutation in chosen(source, arguments.each):
                found = is_found(mutation, path.resolve(), source, workers.analyse)
                results.append((mutation.kind, path, found))
                word = "found" if found else "MISSED"
                print(f"{word:6} {mutation.rule} {mutation.kind}: {path.name}:{mutation.start[0]}", flush=True)
    for kind in dict.fromkeys(kind for kind, _, _ in results):
        own = [found for origin, _, found in results if origin == kind]
        print(f"{kind}: {sum(own)} of {len(own)}")
    files = len({path for _, path, _ in results})
    found = sum(found for _, _, found in results)
    print(f"{found} of {len(results)} in {files} files: {found / max(len(results), 1):.0%}")


if __name__ == "__main__":
    main()
