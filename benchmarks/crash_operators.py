"""Operators that break a model: each plants a mistake that the network fails with.

A mutation replaces a piece of a constructor or a forward. Whether it fails is up to the caller, who runs the model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_SHORTCUT = re.compile(r"downsample|shortcut|skip|identity_conv|resize|proj\b|projection|res_?conv")
_STRIDE = re.compile(r"(^|[._])strides?(\[\d\])?$")
_LAYER = re.compile(r"(?i)conv|block|bn\b|unit")
_FLAG = re.compile(r"if self\.(residual|use_res\w*|identity|use_shortcut)\b")
_SKIP_ARGUMENT = re.compile(r"(use_|with_)?(res|residual|res_connect|shortcut|skip|add|identity|id_?skip)")
_FLATTEN = re.compile(r"(torch\.)?flatten|view|reshape|squeeze")


@dataclass(frozen=True)
class Mutation:
    """A piece of source, from offset `start` to `end`, and the text that takes its place."""

    kind: str
    line: int
    start: int
    end: int
    text: str

    def applied(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]


class _Code:
    """The source of a file, its tree, and the parents of its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def replaced(self, kind: str, node: ast.expr | ast.stmt, text: str) -> Mutation:
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        return Mutation(kind, node.lineno, start, end, text)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self._parents.get(node)) is not None:
            yield parent
            node = parent

    def function(self, node: ast.AST) -> str:
        return next((above.name for above in self.above(node) if isinstance(above, ast.FunctionDef)), "")

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        return next((above for above in self.above(node) if isinstance(above, ast.ClassDef)), None)

    def in_shortcut(self, node: ast.AST) -> bool:
        """Whether a node is part of a statement that makes a projection."""
        for above in self.above(node):
            if isinstance(above, ast.Assign) and _SHORTCUT.search(ast.unparse(above.targets[0])):
                return True
            if isinstance(above, ast.FunctionDef):
                return False
        return False


def mutations(text: str) -> list[Mutation]:
    """Every mistake that the operators can plant in a file."""
    code = _Code(text)
    return [mutation for node in ast.walk(code.tree) for operator in _OPERATORS for mutation in operator(node, code)]


def _generous_flag(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    """`self.use_res = stride == 1` for `self.use_res = stride == 1 and inp == oup`."""
    match node:
        case ast.Assign([ast.Attribute(ast.Name("self"), flag)], value) if not _SHORTCUT.search(flag):
            owner = code.owner(node)
            if owner is None or not re.search(rf"if (not )?self\.{flag}\b", ast.unparse(owner)):
                return
            if isinstance(value, ast.BoolOp) and any(isinstance(part, ast.Compare) for part in value.values):
                for index in range(len(value.values)):
                    kept = [ast.unparse(part) for at, part in enumerate(value.values) if at != index]
                    yield code.replaced("flag too generous", value, " and ".join(kept))
            if isinstance(value, ast.BoolOp | ast.Compare):
                yield code.replaced("flag too generous", value, "True")


def _generous_argument(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    """`Block(16, 32, residual=True)` for `Block(16, 32, residual=False)`."""
    match node:
        case ast.keyword(str(name), ast.Constant(False) as value) if _SKIP_ARGUMENT.fullmatch(name):
            yield code.replaced("flag too generous", value, "True")


def _stride_lost(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    if not isinstance(node, ast.Call) or code.in_shortcut(node) or not _LAYER.search(ast.unparse(node.func)):
        return
    for value in (*node.args, *(keyword.value for keyword in node.keywords)):
        if _STRIDE.search(ast.unparse(value)):
            yield code.replaced("stride lost in the branch", value, "1")


def _projection_off(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    """`if stride != 1:` for `if stride != 1 or inplanes != planes:`, where a shortcut is made."""
    match node:
        case ast.If(test, body) if any(_sets_shortcut(part) for part in body):
            yield from _tests_off(test, code)
        case ast.IfExp(test) if code.in_shortcut(node):
            yield from _tests_off(test, code)
        case ast.Assign([ast.Attribute(_, name)], ast.BoolOp() | ast.Compare() as test):
            if re.search(r"resize|project|downsample|need", name):
                yield from _tests_off(test, code)


def _tests_off(test: ast.expr, code: _Code) -> Iterator[Mutation]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        for index in range(len(test.values)):
            kept = [ast.unparse(part) for at, part in enumerate(test.values) if at != index]
            yield code.replaced("projection switched off", test, " or ".join(kept))


def _sets_shortcut(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and _SHORTCUT.search(ast.unparse(node.targets[0])) is not None


def _branch_width(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    """Another width for a layer of the branch: a factor lost, or the input's width in place of the output's."""
    if not isinstance(node, ast.Call) or code.in_shortcut(node) or not _LAYER.search(ast.unparse(node.func)):
        return
    widths = [*node.args[:2], *(k.value for k in node.keywords if re.search(r"channels|planes|features", k.arg or ""))]
    for value in widths:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.FloorDiv | ast.Add):
            yield code.replaced("width in the branch", value, ast.unparse(value.left))
    if code.function(node) == "__init__" and len(widths) >= 2 and isinstance(widths[1], ast.Name):
        first, second = ast.unparse(widths[0]), ast.unparse(widths[1])
        if first != second and isinstance(widths[0], ast.Name):
            yield code.replaced("width in the branch", widths[1], first)
            yield code.replaced("width in the branch", widths[0], second)


def _shortcut_not_passed(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    if isinstance(node, ast.Call):
        for value in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(value, ast.Name) and _SHORTCUT.search(value.id) and code.function(node) != "forward":
                yield code.replaced("shortcut not passed", value, "None")


def _padding(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    if not isinstance(node, ast.Call) or not _LAYER.search(ast.unparse(node.func)):
        return
    for keyword in node.keywords:
        if keyword.arg == "padding" and ast.unparse(keyword.value) != "0":
            yield code.replaced("padding", keyword.value, "0")
            if re.fullmatch(r"\d+", ast.unparse(keyword.value)):
                yield code.replaced("padding", keyword.value, str(2 * int(ast.unparse(keyword.value))))


def _projection_numbers(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    if not isinstance(node, ast.Call) or not code.in_shortcut(node):
        return
    if ast.unparse(node.func).endswith("pad"):  # F.pad(x, (0, 0, 0, 0, planes // 4, planes // 4)), without weights
        amounts = [part for part in ast.walk(node) if isinstance(part, ast.BinOp)]
        yield from (code.replaced("projection's numbers", part, f"{ast.unparse(part.left)} // 16") for part in amounts)
    if not _LAYER.search(ast.unparse(node.func)):
        return
    for value in (*node.args, *(keyword.value for keyword in node.keywords)):
        if _STRIDE.search(ast.unparse(value)):
            yield code.replaced("projection's numbers", value, "1")
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
            yield code.replaced("projection's numbers", value, ast.unparse(value.left))


def _flatten_lost(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    match node:
        case ast.Assign([ast.Name(name)], ast.Call(callee, [*_])) if "forward" in code.function(node):
            called = ast.unparse(callee).removeprefix(f"{name}.")
            yield from [code.replaced("flatten lost", node, "pass")] if _FLATTEN.fullmatch(called) else ()


def _features(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    """`nn.Linear(512, classes)` for `nn.Linear(512 * block.expansion, classes)`."""
    match node:
        case ast.Call(callee, [ast.BinOp(left) as features, *_]) if ast.unparse(callee).endswith("Linear"):
            yield code.replaced("features of the head", features, ast.unparse(left))


def _strides_twice(node: ast.AST, code: _Code) -> Iterator[Mutation]:
    """A second layer of the branch takes the stride too."""
    if not isinstance(node, ast.Call) or code.in_shortcut(node) or code.function(node) != "__init__":
        return
    assigned = next(iter(code.above(node)), None)
    strided = isinstance(assigned, ast.Assign) and "conv" in ast.unparse(assigned.targets[0])
    init = next((above for above in code.above(node) if isinstance(above, ast.FunctionDef)), None)
    if not strided or init is None or "stride" not in [argument.arg for argument in init.args.args]:
        return
    owner = code.owner(node)
    if owner is None or not re.search(r" \+ |\+=|\.add", ast.unparse(owner)) or re.search(_FLAG, ast.unparse(owner)):
        return  # nothing fails where a block with a stride adds nothing
    if any(_STRIDE.search(ast.unparse(part)) for part in ast.walk(node) if isinstance(part, ast.expr)):
        return
    given = next((keyword.value for keyword in node.keywords if keyword.arg == "stride"), None)
    if given is not None:
        yield code.replaced("stride twice", given, "stride")
    else:
        yield code.replaced("stride twice", node, f"{ast.unparse(node)[:-1]}, stride=stride)")


_OPERATORS: Sequence[Callable[[ast.AST, _Code], Iterator[Mutation]]] = (
    _generous_flag,
    _generous_argument,
    _stride_lost,
    _projection_off,
    _branch_width,
    _shortcut_not_passed,
    _padding,
    _projection_numbers,
    _flatten_lost,
    _features,
    _strides_twice,
)
