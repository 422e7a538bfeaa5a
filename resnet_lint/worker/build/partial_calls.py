"""Constructor calls with unknown arguments: `Net(args.width, len(corpus.words))`, if the corpus does not exist.

Arguments that can be evaluated are kept, and the others are guessed.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..load.load import Loaded
from .guess_value import WIDTH, value_for

Evaluate = Callable[[ast.expr], Any]
"""Evaluates an expression of the script; may raise any exception."""


@dataclass(frozen=True)
class PartialCall:
    """A constructor call, as far as it can be evaluated.

    `make` is the class, or a class method such as `Net.from_config`; `name` is its source. `known` are the arguments by
    parameter, as source to be evaluated in `namespace`; `unknown` are the parameters whose arguments cannot be
    evaluated. `sure` is whether the script certainly makes this call.
    """

    kind: type[nn.Module]
    make: Callable[..., Any]
    name: str
    known: Mapping[str, str]
    unknown: tuple[str, ...]
    namespace: Mapping[str, Any]
    sure: bool


def partial_calls(
    code: ast.AST, evaluate: Evaluate, namespace: Mapping[str, Any], loaded: Loaded, *, sure: bool
) -> Iterator[PartialCall]:
    """The constructor calls of modules in some code, outermost first."""
    for node in ast.walk(code):
        make = _called(node, evaluate)
        if make is not None and isinstance(node, ast.Call):
            arguments = _arguments(make, node)
            if arguments is not None:
                written = {name: _written(argument, evaluate, loaded) for name, argument in arguments.items()}
                known = {name: source for name, source in written.items() if source is not None}
                unknown = tuple(name for name, source in written.items() if source is None)
                kind = make if isinstance(make, type) else make.__self__
                name = kind.__name__ if make is kind else f"{kind.__name__}.{make.__name__}"
                named = {**namespace, kind.__name__: kind}
                yield PartialCall(kind, make, name, known, unknown, named, sure)


def calls_in_functions(loaded: Loaded) -> Iterator[PartialCall]:
    """The constructor calls in functions and methods that are not executed, with the defaults of their parameters."""
    for function in ast.walk(loaded.tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            namespace = {**loaded.namespace, **_defaults(function, loaded.namespace)}
            local = _names_stored(function) - set(_defaults(function, loaded.namespace))
            known = {name: value for name, value in namespace.items() if name not in local}
            for statement in function.body:
                yield from partial_calls(statement, _evaluator(known), known, loaded, sure=False)


def _evaluator(namespace: Mapping[str, Any]) -> Evaluate:
    def evaluate(expression: ast.expr) -> Any:
        return eval(compile(ast.Expression(expression), "<call>", "eval"), dict(namespace))

    return evaluate


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with a default that can be evaluated."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    values = {}
    for parameter, default in pairs:
        if default is not None:
            try:
                values[parameter.arg] = _evaluator(namespace)(default)
            except Exception:  # the user's expression may raise any exception
                continue
    return values


def _names_stored(function: ast.AST) -> set[str]:
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}


def _called(node: ast.AST, evaluate: Evaluate) -> Any:
    """The user's module class that a call constructs, or its class method, if the callee is a dotted name."""
    if not isinstance(node, ast.Call) or not _is_dotted(node.func):
        return None
    try:
        make = evaluate(node.func)
    except Exception:  # an undefined name, or a computed attribute
        return None
    kind = make.__self__ if inspect.ismethod(make) else make
    is_class = isinstance(kind, type) and issubclass(kind, nn.Module)
    return make if is_class and not kind.__module__.startswith("torch.") else None


def _is_dotted(expression: ast.expr) -> bool:
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return isinstance(expression, ast.Name)


def _arguments(make: Callable[..., Any], call: ast.Call) -> dict[str, ast.expr] | None:
    """The arguments of a call by parameter; None if there are starred arguments, or too many."""
    parameters = [p for p in inspect.signature(make).parameters.values() if p.kind is not p.VAR_KEYWORD]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(call.args) > len(names) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    positional = dict(zip(names, call.args, strict=False))
    return positional | {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}


def _written(argument: ast.expr, evaluate: Evaluate, loaded: Loaded) -> str | None:
    """An argument as source; None if it cannot be evaluated. It may contain a partial constructor call."""
    try:
        evaluate(argument)
    except Exception:  # the user's expression may raise any exception
        return _nested(argument, evaluate, loaded)
    return ast.unparse(argument)


def _nested(argument: ast.expr, evaluate: Evaluate, loaded: Loaded) -> str | None:
    inner = next(partial_calls(argument, evaluate, {}, loaded, sure=False), None)
    if inner is None or not isinstance(argument, ast.Call):
        return None
    sources = completed(inner, loaded)
    return f"{ast.unparse(argument.func)}({', '.join(f'{name}={source}' for name, source in sources.items())})"


def completed(call: PartialCall, loaded: Loaded) -> dict[str, str]:
    """The arguments of a call, with guesses for unknown ones, unless they have defaults.

    Values that depend on data, such as a vocabulary size, are usually numbers.
    """
    sources = dict(call.known)
    for name, parameter in inspect.signature(call.make).parameters.items():
        variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if name not in sources and parameter.default is parameter.empty and not variable:
            sources[name] = value_for(parameter, loaded) or str(WIDTH)
    return sources
