"""Operators that plant silent mistakes: each changes one expression or statement of a model's source.

They are independent of the rules: they change an axis, a size or a tensor, whether or not a rule looks for it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TypeVar, cast

Changed = Iterator[str]
_Part = TypeVar("_Part", bound=ast.AST)
Operator = Callable[[ast.AST], Changed]

_ALONG_DIM = frozenset({"softmax", "log_softmax", "sum", "mean", "max", "min", "argmax", "std", "norm", "cumsum"})
_JOINS = frozenset({"cat", "concat", "stack"})
_HIGHEST_DIM = 3


@dataclass(frozen=True)
class Mutant:
    """A changed piece of source, from `start` to `end`: lines from 1, columns from 0.

    `original` is the piece before the change. `lines` are the lines on which a finding counts: those of the statement,
    and for a layer in a constructor those that use it.
    """

    operator: str
    start: tuple[int, int]
    end: tuple[int, int]
    original: str
    text: str
    lines: frozenset[int]

    def marked(self, source: str) -> str:
        """The changed source, in which `__evaluated__` gets the value of the changed expression."""
        statement = self.text.rstrip("\n")
        kind, _, returned = statement.rpartition("return ")
        if self.text.startswith("("):
            statement = f"__evaluated__{statement}"
        elif kind:
            statement = f"{kind}return __evaluated__({returned})"
        else:
            statement = f"{statement}; __evaluated__({statement.partition(' ')[0]})"
        return replace(self, text=statement + self.text[len(self.text.rstrip("\n")) :]).applied(source)

    def applied(self, source: str) -> str:
        """The changed source; every line keeps its number."""
        lines = [line.encode() for line in source.splitlines(keepends=True)]  # ast counts columns in bytes
        (first, column), (last, end_column) = self.start, self.end
        text = (lines[first - 1][:column] + self.text.encode() + lines[last - 1][end_column:]).decode()
        before, after = ([line.decode() for line in part] for part in (lines[: first - 1], lines[last:]))
        return "".join([*before, text, *after])


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of the classes and functions of a file."""
    tree = ast.parse(source)
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef | ast.FunctionDef):
            parents = {child: node for node in ast.walk(owner) for child in ast.iter_child_nodes(node)}
            for node in ast.walk(owner):
                if isinstance(node, ast.expr | ast.stmt):
                    yield from _mutants_of(node, owner, parents)


def _mutants_of(node: ast.expr | ast.stmt, owner: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[Mutant]:
    for name, operator in OPERATORS.items():
        for text in dict.fromkeys(operator(node)):
            assert node.end_lineno is not None and node.end_col_offset is not None
            missing = "\n" * (node.end_lineno - node.lineno)
            full = f"({text}{missing})" if isinstance(node, ast.expr) else text + missing
            start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
            yield Mutant(name, start, end, ast.unparse(node), full, frozenset(_lines(node, owner, parents)))


def _lines(node: ast.AST, owner: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[int]:
    while not isinstance(node, ast.stmt):
        above = parents[node]
        while not isinstance(above, ast.expr | ast.stmt):
            above = parents[above]  # of a keyword, a comprehension, or the arguments of a function
        if isinstance(above, ast.stmt) and hasattr(above, "body"):
            break  # the header of a loop or condition
        node = above
    assert isinstance(node, ast.stmt | ast.expr)
    yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
    names = set(_attributes_set_by(node)) | set(_attributes_made_of(node, parents))
    for reader in ast.walk(owner) if names else ():
        if isinstance(reader, ast.Attribute) and reader.attr in names:
            yield reader.lineno
        elif isinstance(reader, ast.For) and names & {part.attr for part in _within(reader.iter, ast.Attribute)}:
            variables = {part.id for part in _within(reader.target, ast.Name)}
            yield from (part.lineno for part in _within(reader, ast.Name) if part.id in variables)


def _attributes_set_by(statement: ast.AST) -> Iterator[str]:
    """The attributes that a statement assigns, or to whose lists it appends: `self.layers.append(nn.GRU(8, 8))`."""
    match statement:
        case ast.Assign(targets):
            yield from (target.attr for target in targets if isinstance(target, ast.Attribute))
        case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(_, name), "append"))):
            yield name


def _attributes_made_of(statement: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    """The attributes in whose value a statement's variable is: `layer = nn.TransformerEncoderLayer(8, 2)`."""
    match statement:
        case ast.Assign([ast.Name(name)]):
            for user in _within(parents[statement], ast.Assign):
                if any(part.id == name for part in _within(user.value, ast.Name)):
                    yield from _attributes_set_by(user)


def _within(tree: ast.AST, kind: type[_Part]) -> Iterator[_Part]:
    return (part for part in ast.walk(tree) if isinstance(part, kind))


def _permute_swapped(node: ast.AST) -> Changed:
    """`x.permute(0, 2, 1)` -> `x.permute(2, 0, 1)`"""
    if _method(node) == "permute":
        call = cast(ast.Call, node)
        for at in range(len(call.args) - 1):
            swapped = deepcopy(call)
            swapped.args[at], swapped.args[at + 1] = swapped.args[at + 1], swapped.args[at]
            yield ast.unparse(swapped)


def _transpose_of_other_axes(node: ast.AST) -> Changed:
    """`x.transpose(1, 2)` -> `x.transpose(0, 1)`, or no transpose"""
    if _method(node) == "transpose":
        call = cast(ast.Call, node)
        tensor = ast.unparse(_receiver(call))
        yield tensor
        yield from (f"{tensor}.transpose({dims})" for dims in ("0, 1", "1, 2", "-1, -2"))


def _view_for_permute(node: ast.AST) -> Changed:
    """`x.transpose(1, 2)` -> `x.reshape(x.transpose(1, 2).shape)`"""
    if _method(node) in ("permute", "transpose"):
        yield f"{ast.unparse(_receiver(cast(ast.Call, node)))}.reshape({ast.unparse(node)}.shape)"


def _unsqueeze_dropped(node: ast.AST) -> Changed:
    """`x.unsqueeze(1)` -> `x`, `x[:, None]` -> `x`"""
    if _method(node) == "unsqueeze":
        yield ast.unparse(_receiver(cast(ast.Call, node)))
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        parts = node.slice.elts
        if any(_is_none(part) for part in parts) and all(_is_none(part) or _is_all(part) for part in parts):
            yield ast.unparse(node.value)


def _other_dim(node: ast.AST) -> Changed:
    """`x.softmax(-1)` -> `x.softmax(1)`, `torch.cat([x, y], 1)` -> `torch.cat([x, y], 0)`"""
    if not isinstance(node, ast.Call) or _name(node) not in _ALONG_DIM | _JOINS:
        return
    changed = deepcopy(node)
    position = 0 if _method(node) in _ALONG_DIM else 1
    keyword = next((keyword for keyword in changed.keywords if keyword.arg in ("dim", "axis")), None)
    value = keyword.value if keyword is not None else changed.args[position] if len(changed.args) > position else None
    old = _number(value)
    for dim in range(-2, _HIGHEST_DIM + 1) if old is not None else ():
        if dim != old:
            if keyword is not None:
                keyword.value = _as_node(dim)
            else:
                changed.args[position] = _as_node(dim)
            yield ast.unparse(changed)


def _index_for_slice(node: ast.AST) -> Changed:
    """`table[:, : x.size(1)]` -> `table[:, x.size(1)]`"""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for at, part in enumerate(parts):
        if isinstance(part, ast.Slice) and part.upper is not None and part.step is None:
            ends = [part.upper, ast.BinOp(part.upper, ast.Sub(), ast.Constant(1))]
            for index in ends:
                written = [ast.unparse(other) for other in parts]
                written[at] = ast.unparse(index)
                yield f"{ast.unparse(node.value)}[{', '.join(written)}]"


def _clone_dropped(node: ast.AST) -> Changed:
    """`x.clone()` -> `x`"""
    if _method(node) == "clone":
        yield ast.unparse(_receiver(cast(ast.Call, node)))


def _in_place(node: ast.AST) -> Changed:
    """`y = x + y` -> `x += y; y = x`, `F.relu(x)` -> `x.relu_()`, `nn.ReLU()` -> `nn.ReLU(inplace=True)`"""
    match node:
        case ast.Assign([target], ast.BinOp(ast.Name(left), ast.Add() | ast.Mult() as operator, right)):
            sign = {ast.Add: "+=", ast.Mult: "*="}[type(operator)]
            yield f"{left} {sign} {ast.unparse(right)}; {ast.unparse(target)} = {left}"
        case ast.Return(ast.BinOp(ast.Name(left), ast.Add(), right)):
            yield f"{left} += {ast.unparse(right)}; return {left}"
        case ast.Call(ast.Attribute(ast.Name("F" | "torch"), "relu" | "sigmoid" | "tanh" as name), [tensor]):
            written = ast.unparse(tensor)
            yield f"({written}).{name}_()" if isinstance(tensor, ast.BinOp | ast.UnaryOp) else f"{written}.{name}_()"
        case ast.Call(ast.Attribute(ast.Name("nn"), "ReLU" | "SiLU" | "LeakyReLU" | "ELU"), _, []):
            changed = deepcopy(node)
            changed.keywords.append(ast.keyword("inplace", ast.Constant(True)))
            yield ast.unparse(changed)


def _batch_and_time_exchanged(node: ast.AST) -> Changed:
    """`nn.GRU(8, 8, batch_first=True)` -> `nn.GRU(8, 8, batch_first=False)`"""
    if isinstance(node, ast.Call):
        changed = deepcopy(node)
        for keyword in changed.keywords:
            if keyword.arg == "batch_first" and isinstance(keyword.value, ast.Constant):
                keyword.value = ast.Constant(not keyword.value.value)
                yield ast.unparse(changed)
        if _name(node) in ("GRU", "LSTM", "RNN", "MultiheadAttention") and ast.unparse(changed) == ast.unparse(node):
            changed.keywords.append(ast.keyword("batch_first", ast.Constant(True)))
            yield ast.unparse(changed)


def _addition_dropped(node: ast.AST) -> Changed:
    """`x = x + self.mlp(x)` -> `x = self.mlp(x)`"""
    match node:
        case ast.BinOp(ast.Name(), ast.Add(), branch) | ast.BinOp(branch, ast.Add(), ast.Name()):
            if any(
                isinstance(part, ast.Call) and ast.unparse(part.func).startswith("self.") for part in ast.walk(branch)
            ):
                yield ast.unparse(branch)


def _flatten_of_batch(node: ast.AST) -> Changed:
    """`x.flatten(2)` -> `x.flatten(1)`, `x.view(n, -1)` -> `x.view(-1, n)`"""
    match node:
        case ast.Call(ast.Attribute(tensor, "flatten"), [ast.Constant(int() as first), *rest]):
            others = "".join(f", {ast.unparse(dim)}" for dim in rest)
            yield from (f"{ast.unparse(tensor)}.flatten({dim}{others})" for dim in (0, 1) if dim != first)
        case ast.Call(ast.Attribute(_, "view" | "reshape"), [_, _, *_]):
            for at in range(len(node.args) - 1):
                swapped = deepcopy(node)
                swapped.args[at], swapped.args[at + 1] = swapped.args[at + 1], swapped.args[at]
                yield ast.unparse(swapped)


OPERATORS: dict[str, Operator] = {
    "permute swapped": _permute_swapped,
    "other transpose": _transpose_of_other_axes,
    "view for permute": _view_for_permute,
    "unsqueeze dropped": _unsqueeze_dropped,
    "other dim": _other_dim,
    "index for slice": _index_for_slice,
    "clone dropped": _clone_dropped,
    "in place": _in_place,
    "batch and time exchanged": _batch_and_time_exchanged,
    "addition dropped": _addition_dropped,
    "sizes of a view exchanged": _flatten_of_batch,
}


def _method(node: ast.AST) -> str | None:
    """The name of a method of a tensor that is called; None for functions of modules."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return None if ast.unparse(node.func.value) in ("torch", "F", "nn.functional", "th") else node.func.attr
    return None


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _receiver(call: ast.Call) -> ast.expr:
    assert isinstance(call.func, ast.Attribute)
    return call.func.value


def _is_none(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _is_all(part: ast.expr) -> bool:
    return ast.unparse(part) in (":", "...")


def _number(node: ast.expr | None) -> int | None:
    try:
        value = ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def _as_node(number: int) -> ast.expr:
    return ast.parse(str(number), mode="eval").body
