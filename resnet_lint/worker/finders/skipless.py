"""Finds blocks whose skip connection is missing: by an identity that nothing reads, or by a name that promises one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from torch import fx, nn

from resnet_lint.graph.effects import effect_of
from resnet_lint.graph.model import Seen, words_in
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import path_between, residuals_in
from resnet_lint.graph.source_places import span_of
from resnet_lint.graph.syntax import Function, function_of
from resnet_lint.shared.observed import IdentityUnread, PlainChain

_SAVED = frozenset({"identity", "residual", "shortcut", "skip", "res", "resid", "orig", "original"})


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

    In a class whose own name tells of a shortcut, a copy of the forward's input under any name counts. In a function
    with a loop, whose lines do not run in their order, an earlier line's reading counts too.
    """
    parameters = {argument.arg for argument in function.args.args}
    loops = any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(function))
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
                read = last_read.get(target.id, 0)
                if tells and read <= (0 if loops else statement.end_lineno or 0):
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


# A residual block by its name; not a Resample, not a LowRes, and not what a block adds its input to.
_RESIDUAL = re.compile(r"_*(Res(idual)?(?![a-z])\w*(Block|Unit|Bottleneck)|Resblock|Residual)\w*")
_BRANCH = frozenset({"path", "branch", "function", "body", "inner"})
_JOINS = frozenset({"add", "add_", "iadd", "cat", "concat", "concatenate", "stack", "lerp", "addcmul", "sum", "einsum"})


def plain_chains(seen: Seen) -> Iterator[PlainChain]:
    """Classes named after residual blocks that keep the shape, and in which every layer lies on the only way through.

    A name proves nothing by itself. So no line of the class may join two values, for a flag may lead to it, and the
    trace may have nothing, in a part of the block either, that goes around a layer.
    """
    told: set[type] = set()
    for call in seen.trace.calls:
        code = getattr(type(call.module).forward, "__code__", None)
        if code is None or type(call.module) in told or not seen.project.owns(code):
            continue
        function, outputs = function_of(code), seen.trace.results.get(call, ())
        if function is None or len(call.inputs) != 1 or len(outputs) != 1 or not _promises(type(call.module)):
            continue
        layers = _layers_in_a_row(call.inputs[0], outputs[0])
        returned = [
            node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None
        ]
        if layers > 1 and returned:
            told.add(type(call.module))
            yield PlainChain(**seen.place(span_of(code.co_filename, returned[-1]), call), layers=layers)


def _promises(model: type[nn.Module]) -> bool:
    """Whether a class is named after a residual block, and none of its lines could close a skip connection."""
    if _RESIDUAL.fullmatch(model.__name__) is None or words_in(model.__name__) & _BRANCH:
        return False
    bases = [base for base in model.__mro__ if issubclass(base, nn.Module) and base is not nn.Module]
    codes = [getattr(value, "__code__", None) for base in bases for value in vars(base).values()]
    functions = [function_of(code) for code in codes if code is not None and code.co_name != "__init__"]
    return not any(function is None or _may_join(function) for function in functions)


def _may_join(function: Function) -> bool:
    for node in ast.walk(function):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            return True
        if isinstance(node, ast.Attribute) and node.attr in _JOINS:
            return True
    return False


def _layers_in_a_row(first: fx.Node, last: fx.Node) -> int:
    """How many layers lead from one tensor to another of its shape; 0 where anything is joined on the way."""
    path = path_between(first, last)
    joined = any(sum(1 for each in node.all_input_nodes if each.meta["activation"]) > 1 for node in path)
    if joined or first.meta["shape"] != last.meta["shape"]:
        return 0
    return sum(1 for node in path if (effect := effect_of(node)) is not None and effect.learned)
