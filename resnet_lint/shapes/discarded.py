"""Finds results that are computed and thrown away, and a saved identity that nothing reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..observed import Discarded, IdentityUnread
from .calls import ModuleCall
from .place import Point, span_of
from .residuals import residuals_in
from .seen import Seen, words_in
from .syntax import Function, function_of, node_at, overwritten_by, statement_at

_SAVED = frozenset({"identity", "residual", "shortcut", "skip", "res", "resid", "orig", "original"})


def discarded_results(seen: Seen) -> Iterator[Discarded]:
    """Calls whose result nothing reads: a statement by itself, or a variable that the next line overwrites."""
    for point, owner in _without_readers(seen):
        statement, expression = statement_at(point), node_at(point)
        if isinstance(statement, ast.Expr) and statement.value is expression:
            yield Discarded(**seen.place(point.span, owner), expression=point.text, overwrites=None)
        elif isinstance(statement, ast.Assign) and statement.value is expression:
            later = overwritten_by(point)
            if later is not None:
                name, value = later
                span = span_of(point.span.path, value)
                line = point.span.start.line
                yield Discarded(**seen.place(span, owner), expression=point.text, overwrites=(line, name))


def _without_readers(seen: Seen) -> Iterator[tuple[Point, ModuleCall]]:
    """The expressions of the user's code whose results nothing in the trace reads, with the calls around them."""
    read = {node for node in seen.trace.graph.nodes if node.users or node.meta.get("in_place")}
    for node in seen.trace.graph.nodes:
        if node not in read and node.meta["activation"] and node.meta["point"] is not None and node.meta["inputs"]:
            yield node.meta["point"], seen.caller_at(node.meta["call"], node.meta["point"])
    for call, results in seen.trace.results.items():
        # What one of the user's own modules returns; as a statement, it may have run for its effects.
        unread = results and call.caller is not None and call.parent is not None and not read & set(results)
        if unread and call.caller is not None and not isinstance(statement_at(call.caller), ast.Expr):
            yield call.caller, seen.caller_at(call, call.caller)


def unread_identities(seen: Seen) -> Iterator[IdentityUnread]:
    """Blocks that store a value under the name of a shortcut, and then neither read it nor add their input."""
    told: set[type] = set()
    for call in seen.trace.calls:
        code = getattr(type(call.module).forward, "__code__", None)
        if code is None or type(call.module) in told or not seen.project.owns(code):
            continue
        told.add(type(call.module))
        function = function_of(code)
        in_residual_class = bool(words_in(type(call.module).__name__) & _SAVED)
        saved = _saved_unread(function, in_residual_class) if function is not None else None
        if saved is not None and not _adds_its_input(call, seen):
            span = span_of(code.co_filename, saved)
            yield IdentityUnread(**seen.place(span, call), variable=saved.id)


def _saved_unread(function: Function, any_name: bool) -> ast.Name | None:
    """The first value that a function stores for a shortcut, by the variable's name, and that no later line reads.

    In a class whose own name tells of a shortcut, a copy of the forward's input under any name counts. A function with
    a loop is passed over: its lines do not run in their order.
    """
    parameters = {argument.arg for argument in function.args.args}
    if any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(function)):
        return None
    last_read: dict[str, int] = {}
    for name in ast.walk(function):
        if isinstance(name, ast.Name) and not isinstance(name.ctx, ast.Store):
            last_read[name.id] = max(name.lineno, last_read.get(name.id, 0))
    for statement in ast.walk(function):
        if not isinstance(statement, ast.Assign) or not _may_be_tensor(statement.value):
            continue
        copies_input = isinstance(statement.value, ast.Name) and statement.value.id in parameters
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id not in parameters:
                tells = words_in(target.id) & _SAVED or (any_name and copies_input)
                if tells and last_read.get(target.id, 0) <= (statement.end_lineno or 0):
                    return target
    return None


def _may_be_tensor(value: ast.expr) -> bool:
    """Whether a value is a copy of a name or what one of the block's own modules gives, and no size or dtype."""
    return isinstance(value, ast.Name) or (isinstance(value, ast.Call) and ast.unparse(value.func).startswith("self."))


def _adds_its_input(call: ModuleCall, seen: Seen) -> bool:
    return any(
        residual.fork in call.inputs and call in residual.addition.meta["call"].with_callers()
        for residual in residuals_in(seen.trace.graph)
    )
