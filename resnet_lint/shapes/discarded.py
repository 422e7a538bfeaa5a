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
    """Blocks that save their input under the name of a shortcut, and then neither read it nor add their input."""
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
    """The first variable that a function stores a tensor under and never reads, with a name that tells of a shortcut.

    In a class whose own name does, a copy of the forward's input under any name counts.
    """
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    read = {name.id for name in names if not isinstance(name.ctx, ast.Store)}
    parameters = {argument.arg for argument in function.args.args}
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
            tells = any_name and statement.value.id in parameters
            for target in statement.targets:
                unread = isinstance(target, ast.Name) and target.id not in read | parameters
                if isinstance(target, ast.Name) and unread and (tells or words_in(target.id) & _SAVED):
                    return target
    return None


def _adds_its_input(call: ModuleCall, seen: Seen) -> bool:
    return any(
        residual.fork in call.inputs and call in residual.addition.meta["call"].with_callers()
        for residual in residuals_in(seen.trace.graph)
    )
