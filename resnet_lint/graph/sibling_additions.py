"""Finds statements that don't add a variable, although others beside them that are written alike do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import Model
from .module_call import ModuleCall, is_module
from .source_places import span_of
from .syntax import Function, function_of, names_bound_by

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Forgotten:
    """A `value` in the forward of a block that should be added to the variable `name`, as one in `line` is."""

    block: ModuleCall
    value: ast.expr
    name: str
    line: int


@dataclass(frozen=True, eq=False)
class _Line:
    """An assignment without the variable that it adds: `z = self.fc(z)` for `z = z + self.fc(z)`, whose `added` is z.

    `form` is its value with numbers for variables and classes for modules; the variable is number `place`, the target
    0. `text` is its source.
    """

    number: int
    target: str
    value: ast.expr
    form: str
    text: str
    names: Sequence[str]
    added: str | None = None

    @property
    def place(self) -> int | None:
        return self.names.index(self.added) if self.added in self.names else None

    @property
    def updates(self) -> bool:
        """Whether it adds its target: `z = z + self.fc(z)`."""
        return self.added == self.target


def forgotten_additions(model: Model) -> Iterator[Forgotten]:
    """The values that keep the shape of their input and are not added to it, unlike those beside them."""
    reported: set[type] = set()
    for block in model.users_calls:
        function = function_of(block.known_code)
        if function is None or type(block.module) in reported:
            continue
        reported.add(type(block.module))
        for body in _bodies(function):
            lines = [line for statement in body for line in _lines(statement, block.module)]
            for line in lines:
                like = _like(line, lines, body) if line.added is None else None
                if like is not None and like.place is not None and _keeps_shape(line, block, model):
                    yield Forgotten(block, line.value, line.names[like.place], like.number)


def _bodies(function: Function) -> Iterator[Sequence[ast.stmt]]:
    for node in ast.walk(function):
        yield from (body for name in ("body", "orelse") if isinstance(body := getattr(node, name, None), list))


def _lines(statement: ast.stmt, module: nn.Module) -> Iterator[_Line]:
    """An assignment as lines without one of its additions each; without any, as it is."""
    match statement:
        case ast.AugAssign(ast.Name(target), ast.Add(), value):
            yield _line(statement, target, value, module, target)
        case ast.Return(ast.BinOp(left, ast.Add(), right)):
            for added, kept in ((left, right), (right, left)):
                if isinstance(added, ast.Name):
                    yield _line(statement, added.id, kept, module, added.id)
        case ast.Assign([ast.Name(target)], value):
            sums = [node for node in ast.walk(value) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)]
            if not sums:
                yield _line(statement, target, value, module)
            for node in sums:
                for added, kept in ((node.left, node.right), (node.right, node.left)):
                    if isinstance(added, ast.Name):
                        yield _line(statement, target, deepcopy(value, {id(node): kept}), module, added.id)


def _line(statement: ast.stmt, target: str, value: ast.expr, module: nn.Module, added: str | None = None) -> _Line:
    form = _Form(target, module)
    written = ast.unparse(form.visit(deepcopy(value)))
    return _Line(statement.lineno, target, value, written, f"{target} = {ast.unparse(value)}", form.names, added)


class _Form(ast.NodeTransformer):
    """Writes an expression with the classes of modules and with numbers for `names`."""

    def __init__(self, target: str, module: nn.Module) -> None:
        self.module, self.names = module, [target]

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        value = getattr(self.module, node.attr, None) if ast.unparse(node.value) == "self" else None
        if not is_module(value):
            return self.generic_visit(node)
        is_layer = type(value).__module__.startswith("torch.")
        return ast.Name(f"<{value if is_layer else type(value).__qualname__}>")

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id not in self.names:
            self.names.append(node.id)
        return ast.Name(str(self.names.index(node.id)))


def _like(line: _Line, lines: Sequence[_Line], body: Sequence[ast.stmt]) -> _Line | None:
    """The line beside a line that has the same form and adds a variable, where that can be no choice."""
    same = [other for other in lines if other.form == line.form and other is not line]
    if not same or any(other.added is None for other in same) or any(other.text == line.text for other in same):
        return None
    if _is_in_row(line, lines, body):
        return next((other for other in same if other.updates), None)
    if len(same) > 1 and line.form.count("<") > 1 and len({other.place for other in same}) == 1:
        return same[0]
    return next((other for other in same if not other.updates and _differs_in_number(line, other)), None)


def _is_in_row(line: _Line, lines: Sequence[_Line], body: Sequence[ast.stmt]) -> bool:
    """Whether a line is between lines that add to its target, three or more, and nothing else is assigned to it."""
    added = [other.number for other in lines if other.target == line.target and other.updates]
    assigned = {statement.lineno for statement in body if line.target in _names_bound_in(statement)}
    return len(added) > 2 and assigned <= {line.number, *added} and added[0] < line.number < added[-1]


def _names_bound_in(statement: ast.stmt) -> set[str]:
    inner = (node for node in ast.walk(statement) if isinstance(node, ast.stmt))
    return {name for node in inner for name in names_bound_by(node)}


def _differs_in_number(line: _Line, other: _Line) -> bool:
    """Whether two lines are the same but for one number: `out_2 = self.conv_2(x_2)` and `out_3 = self.conv_3(x_3)`."""
    if re.sub(r"\d+", "0", line.text) != re.sub(r"\d+", "0", other.text):
        return False
    numbers = zip(*(re.findall(r"\d+", text) for text in (line.text, other.text)), strict=True)
    return len({(one, two) for one, two in numbers if one != two}) == 1


def _keeps_shape(line: _Line, block: ModuleCall, model: Model) -> bool:
    """Whether the modules that a line calls give their input's shape, and don't add their input themselves."""
    span = span_of(block.known_code.co_filename, line.value)
    calls = [
        call
        for call in model.calls
        if call.parent is block
        and call.caller is not None
        and call.caller.code is block.code
        and span.start <= call.caller.span.start
        and call.caller.span.end <= span.end
    ]
    results = model.results.get(calls[-1], ()) if calls else ()
    given = [node.shape for call in calls[:1] for node in call.inputs]
    return len(results) == 1 and results[0].shape in given and not any(map(model.adds_input_of, calls))
