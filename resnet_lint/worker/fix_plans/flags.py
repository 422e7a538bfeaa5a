"""Finds the flags that guard an expression: `use_res` for an addition below `if self.use_res:`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.source_text import split_lines

_Place = tuple[int, int]
"""A line (from 1) and a column in bytes (from 0)."""

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def guarding_flags(source: str, span: Span) -> list[str]:
    """The attributes of self that must be true for an expression to run, innermost first.

    Within a test, attributes that the class computes (`self.use_res = stride == 1`) come before plain settings.
    """
    tree = ast.parse(source)
    start = span.start
    before = "".join(split_lines(source)[start.line - 1 : start.line])[: start.column - 1]
    guards = list(_guards(tree, (start.line, len(before.encode()))))  # ast counts bytes
    computed = _computed(tree)
    flags = [sorted(_true_flags(test, value), key=lambda flag: flag not in computed) for test, value in guards[::-1]]
    return list(dict.fromkeys(flag for group in flags for flag in group))


def guarding_test(path: str, source: str, span: Span) -> Span | None:
    """The innermost test around an expression that must be true for it to run, and is about sizes or a setting.

    They are `if self.stride == 1:` and `if self.cfg.residual:`.
    """
    lines = split_lines(source)
    before = lines[span.start.line - 1][: span.start.column - 1]
    for test, value in [*_guards(ast.parse(source), (span.start.line, len(before.encode())))][::-1]:
        if value and (_compares_sizes(test) or _is_setting(test)):
            return _span_of(test, path, lines)
    return None


def _compares_sizes(test: ast.expr) -> bool:
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    sizes = [part for part in parts if isinstance(part, ast.Compare) and isinstance(part.ops[0], _SIZE_OPERATORS)]
    called = any(isinstance(node, ast.Call) for node in ast.walk(test))
    return bool(sizes) and not called and any(_SIZES.search(ast.unparse(part)) for part in sizes)


def _is_setting(test: ast.expr) -> bool:
    """Whether a test is an attribute of an object that a module keeps."""
    match test:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"))):
            return True
    return False


_SIZES = re.compile(r"strid|chan|plane|inp|in_|out|filter|dim|width|features")
_SIZE_OPERATORS = (ast.Eq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _span_of(node: ast.expr, path: str, lines: Sequence[str]) -> Span:
    def position(line: int, column: int) -> Position:
        return Position(line, len(lines[line - 1].encode()[:column].decode()) + 1)

    end = position(node.end_lineno or node.lineno, node.end_col_offset or 0)
    return Span(path, position(node.lineno, node.col_offset), end)


def _guards(node: ast.AST, place: _Place) -> Iterator[tuple[ast.expr, bool]]:
    """The tests that decide whether the code at a place runs, with the required value, outermost first."""
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or not _holds(child, place):
                continue
            if isinstance(node, ast.If | ast.IfExp) and field != "test":
                yield node.test, field == "body"
            elif isinstance(node, ast.BoolOp):
                yield from ((test, isinstance(node.op, ast.And)) for test in node.values[:index])
            if isinstance(child, ast.stmt):
                yield from _passed(children[:index])
            yield from _guards(child, place)
            return


def _passed(statements: Sequence[ast.stmt]) -> Iterator[tuple[ast.expr, bool]]:
    """The tests of earlier statements that leave the block: `if not self.use_res: return out`."""
    for statement in statements:
        if isinstance(statement, ast.If):
            if isinstance(statement.body[-1], _LEAVING):
                yield statement.test, False
            elif statement.orelse and isinstance(statement.orelse[-1], _LEAVING):
                yield statement.test, True


def _holds(node: ast.AST, place: _Place) -> bool:
    if not isinstance(node, ast.stmt | ast.expr | ast.ExceptHandler | ast.match_case | ast.withitem):
        return False
    if isinstance(node, ast.match_case | ast.withitem):
        return any(_holds(child, place) for child in ast.iter_child_nodes(node))
    start, end = (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or 0)
    return start <= place < end


def _true_flags(test: ast.expr, value: bool) -> Iterator[str]:
    """The attributes of self that are certainly true if a test has this value."""
    match test:
        case ast.Attribute(value=ast.Name(id="self"), attr=name) if value:
            yield name
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _true_flags(operand, not value)
        case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) is value:
            for operand in reversed(values):
                yield from _true_flags(operand, value)


def _computed(tree: ast.Module) -> set[str]:
    """The attributes of self that are set to the result of a comparison."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(part, ast.Compare) for part in ast.walk(node.value)):
            found |= {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
    return found
