"""Finds forwards that have lost their shortcut: the input is saved and never read, or a module is only called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..shared import vocabulary
from ..shared.vocabulary import words_in
from .model import Model
from .module_call import ModuleCall
from .syntax import Function, function_of

SHORTCUT_WORDS = vocabulary.SAVED | vocabulary.RESIDUALS | vocabulary.ORIGINALS


def saved_unread(function: Function, any_name: bool) -> ast.Name | None:
    """The first value that a function assigns to a shortcut variable, judged by its name, and never reads later.

    In a class named after a shortcut, a copy of the forward's input under any name counts. In a function with a loop,
    whose lines do not run in order, reads on earlier lines count too.
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
                is_shortcut = words_in(target.id) & SHORTCUT_WORDS or (any_name and copies_input)
                read = last_read.get(target.id, 0)
                if is_shortcut and read <= (0 if loops else statement.end_lineno or 0):
                    return target
    return None


def _may_be_tensor(value: ast.expr) -> bool:
    """Whether a value is a copy of a variable or the output of one of the block's modules, not a size or dtype."""
    return isinstance(value, ast.Name) or (isinstance(value, ast.Call) and ast.unparse(value.func).startswith("self."))


def bare_wrappers(model: Model) -> Iterator[tuple[ModuleCall, str]]:
    """Classes named Residual whose forward only calls the module that they wrap, which keeps the shape of its input.

    Neither that module adds the input, nor a caller in any call of the class.
    """
    calls: dict[type, list[ModuleCall]] = {}
    for call in model.users_calls:
        if words_in(type(call.module).__name__) in _WRAPPERS:
            calls.setdefault(type(call.module), []).append(call)
    for same in calls.values():
        function = function_of(same[0].known_code)
        called = _only_calls(function) if function is not None else None
        if called is not None and not any(_may_be_added(call, model) for call in same):
            yield same[0], called


_WRAPPERS = ({"residual"}, {"residual", "add"})


def _may_be_added(call: ModuleCall, model: Model) -> bool:
    """Whether the input of a call is added inside it or by a caller, or has another shape than its result."""
    results = model.results.get(call, ())
    keeps_shape = len(results) == 1 and bool(call.inputs) and results[0].shape == call.inputs[0].shape
    return not keeps_shape or model.adds_input_of(call) or model.is_added_to_its_input(call)


def _only_calls(function: Function) -> str | None:
    """The attribute that a forward calls with its input and returns, if it does nothing else: `return self.fn(x)`."""
    statements = [node for node in function.body if not isinstance(node, ast.Expr)]  # without its docstring
    parameters = {argument.arg for argument in function.args.args}
    match statements:
        case [ast.Return(ast.Call(ast.Attribute(ast.Name("self"), called), [ast.Name(given), *_]))]:
            return called if given in parameters else None
    return None
