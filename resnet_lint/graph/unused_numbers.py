"""Finds layers that are constructed without the stride or the padding that the code around them computes for them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType

from .built_at import built_of
from .module_call import ModuleCall
from .node import Node
from .source_places import Point
from .syntax import Function, call_at, function_of, node_at, tree_of


@dataclass(frozen=True)
class Number:
    """An argument of layers, the value that leaves it out, and the names that code around a layer has for it.

    `kept_as` are those of attributes.
    """

    argument: str
    off: int
    names: re.Pattern[str]
    kept_as: re.Pattern[str]


STRIDE = Number("stride", 1, re.compile(r"strides?"), re.compile(r"\w*strides?"))
PADDING = Number("padding", 0, re.compile(r"\w*pad(ding)?"), re.compile(r"\w*pad(ding)?"))


@dataclass(frozen=True)
class UnusedNumber:
    """A call that passes 1, or nothing, as a stride, in a function that has an unread name for it; 0 as a padding.

    `chain` are the call and those around it, innermost first, `call` the forward of the module that it constructs, and
    `parameters` those of the called constructor or helper. `passes_off` is whether the call passes 1. `compared` is
    whether the function compares the name, as in `self.use_res = stride == 1`, but gives it to no layer. `by_default`
    is whether the caller leaves it to the default, which may be what is left of an earlier version.
    """

    name: str
    call: ModuleCall
    chain: tuple[Point, ...]
    parameters: tuple[str, ...]
    passes_off: bool
    compared: bool
    by_default: bool


def unused_number(path: Sequence[Node], number: Number = STRIDE) -> UnusedNumber | None:
    """The convolution or block of a path that is constructed without its stride: `Block(64, 128, stride=1)`.

    The first one that passes 1 for a name that is not read, else for one that is only compared, else the first one that
    passes nothing. Of several, it is the first one with a kernel above 1x1.
    """
    kinds = ("convolution", "transposed")
    layers = [(node.known_call, node.effect) for node in path if node.effect is not None and node.effect.sort in kinds]
    found = [(unused, max(effect.kernel) == 1) for call, effect in layers for unused in _unused_numbers(call, number)]
    ranked = sorted(found, key=lambda found: (not found[0].passes_off, found[0].compared, found[1]))
    return ranked[0][0] if ranked else None


def unread_argument(path: Sequence[Node]) -> UnusedNumber | None:
    """A call that passes a constant for an argument of a name that its function computes and no line reads.

    `Unit(cin, cout, downsample=None)` beside `downsample = index == 0`.
    """
    layers = (node.known_call for node in path if node.effect is not None and node.effect.sort == "convolution")
    return next((unread for layer in layers for unread in _unread_arguments(layer)), None)


def _unread_arguments(layer: ModuleCall) -> Iterator[UnusedNumber]:
    built = built_of(layer.module)
    for level, point in enumerate(built.chain if built is not None else ()):
        assert built is not None
        function, call = function_of(point.code), node_at(point)
        if function is None or not isinstance(call, ast.Call):
            continue
        parameters = _parameters_of(layer, built.chain[level - 1].code if level else None)
        bound, read, compared = _names_in(function.body)
        computed = set(bound) - read - compared
        given = {argument.arg for argument in function.args.args} - read - compared
        chain = built.chain[level:]
        for name, value in _passed(call, parameters).items():
            has_own_plan = name is not None and any(kind.names.fullmatch(name) for kind in (STRIDE, PADDING))
            if not isinstance(value, ast.Constant) or has_own_plan:
                continue
            if name in computed or (name in given and not _is_number(value)):
                by_default = _is_left_out(name, chain)
                yield UnusedNumber(name, _constructed_by(chain, layer), chain, parameters, True, False, by_default)


def _is_number(value: ast.Constant) -> bool:
    """Such as the 1 of a pointwise layer, in a function that takes a kernel size like its siblings and ignores it."""
    return isinstance(value.value, int) and not isinstance(value.value, bool)


def overridden_stride(block: ModuleCall) -> UnusedNumber | None:
    """The construction of a block with 1 as its stride, in a function that takes a stride: `Block(64, 128, 1)`."""
    built = built_of(block.module)
    function = function_of(built.chain[0].code) if built is not None else None
    call = call_at(built.chain[0]) if built is not None else None
    if built is None or function is None or call is None:
        return None
    parameters = tuple(inspect.signature(type(block.module)).parameters)
    names = [argument.arg for argument in function.args.args if STRIDE.names.fullmatch(argument.arg)]
    if len(names) != 1 or not _passes_off(call, parameters, STRIDE):
        return None
    return UnusedNumber(names[0], block, built.chain, parameters, True, False, _is_left_out(names[0], built.chain))


def takes_stride(layer: ModuleCall, owner: ModuleCall) -> bool:
    """Whether the constructor of a module passes a stride to a layer in it: `self.conv2 = conv3x3(a, b, stride)`."""
    built = built_of(layer.module)
    constructors = [vars(kind)["__init__"] for kind in type(owner.module).__mro__ if "__init__" in vars(kind)]
    codes = [getattr(constructor, "__code__", None) for constructor in constructors]
    calls = (call_at(point) for point in built.chain if point.code in codes) if built is not None else ()
    return any(STRIDE.names.fullmatch(name) for call in calls if call is not None for name in _read_by(call))


def _read_by(call: ast.Call) -> Iterator[str]:
    """The names and attributes that the arguments of a call read."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        for node in ast.walk(argument):
            if isinstance(node, ast.Name | ast.Attribute):
                yield node.id if isinstance(node, ast.Name) else node.attr


def _unused_numbers(layer: ModuleCall, number: Number) -> Iterator[UnusedNumber]:
    built = built_of(layer.module)
    for level, point in enumerate(built.chain if built is not None else ()):
        assert built is not None
        function, call = function_of(point.code), node_at(point)
        parameters = _parameters_of(layer, built.chain[level - 1].code if level else None)
        off = _passes_off(call, parameters, number) if function is not None and isinstance(call, ast.Call) else None
        if function is None or not isinstance(call, ast.Call) or off is None or (not off and level == 0):
            continue
        chain = built.chain[level:]
        block = _constructed_by(chain, layer)
        names = _unread_names(function, call, number, _never_with(call, function, number) if off else frozenset())
        if off:
            names |= _kept_names(function, tree_of(point.code.co_filename), number)
        for name, compared in names.items():
            yield UnusedNumber(name, block, chain, parameters, off, compared, _is_left_out(name, chain))


def _parameters_of(layer: ModuleCall, callee: CodeType | None) -> tuple[str, ...]:
    """The parameters of a constructor or helper by its code; without it, those of a layer."""
    if callee is None:
        return tuple(inspect.signature(type(layer.module)).parameters)
    return _positional_parameters(callee)


def _positional_parameters(function: CodeType) -> tuple[str, ...]:
    """The parameters that a call of a function, method or class passes by position."""
    names = function.co_varnames[: function.co_argcount]
    return names[1:] if names[:1] in (("self",), ("cls",)) else names


def _is_left_out(name: str, chain: Sequence[Point]) -> bool:
    """Whether a name is a parameter of the function of a call, and the call of that function passes nothing for it."""
    inner, outer = chain[0].code, call_at(chain[1]) if len(chain) > 1 else None
    parameters = inner.co_varnames[: inner.co_argcount + inner.co_kwonlyargcount]
    if name not in parameters or outer is None:
        return False
    keywords = {keyword.arg for keyword in outer.keywords}
    starred = None in keywords or any(isinstance(argument, ast.Starred) for argument in outer.args)
    positional = _positional_parameters(inner)[: len(outer.args)]
    return not starred and name not in keywords and name not in positional


def _constructed_by(chain: tuple[Point, ...], layer: ModuleCall) -> ModuleCall:
    """The module around a layer that a call constructs; the layer itself if that is a helper."""
    for call in layer.with_callers():
        built = built_of(call.module)
        if built is not None and built.chain == chain:
            return call
    return layer


def _passes_off(call: ast.Call, parameters: Sequence[str], number: Number) -> bool | None:
    """Whether a call passes the number that leaves it out, rather than nothing; None if it passes something else."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    passed = _passed(call, parameters)
    value = passed.get(number.argument)
    if value is None:
        return False if number.argument in parameters and None not in passed else None
    return True if isinstance(value, ast.Constant) and value.value == number.off else None


def _passed(call: ast.Call, parameters: Sequence[str]) -> dict[str | None, ast.expr]:
    """What a call passes, by parameter; None for `**kwargs`."""
    named: dict[str | None, ast.expr] = {keyword.arg: keyword.value for keyword in call.keywords}
    return named | dict(zip(parameters, call.args, strict=False))


def _never_with(call: ast.Call, function: Function, number: Number) -> frozenset[ast.AST]:
    """The statements that do not run if a call does: the other branches of tests that say nothing of the number."""
    left_out = set[ast.AST]()
    for node in ast.walk(function):
        if isinstance(node, ast.If) and not any(map(number.names.fullmatch, _names_of(node.test))):
            suites = (node.body, node.orelse)
            inside = [any(call in ast.walk(statement) for statement in suite) for suite in suites]
            left_out |= {
                statement for suite, is_own in zip(suites, inside[::-1], strict=True) if is_own for statement in suite
            }
    return frozenset(left_out)


def _names_of(expression: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(expression) if isinstance(node, ast.Name)]


def _unread_names(function: Function, call: ast.Call, number: Number, left_out: frozenset[ast.AST]) -> dict[str, bool]:
    """The names of strides or paddings around a call that are given to no layer, with whether they are compared.

    They are read by no line of the function but those `left_out`, by none of a loop over them, or in comparisons only.
    """
    loops = (node for node in ast.walk(function) if isinstance(node, ast.For) and call in ast.walk(node))
    parameters = [argument.arg for argument in function.args.args]
    found: dict[str, bool] = {}
    for statements in (*((loop.target, *loop.body) for loop in loops), function.body):
        bound, read, compared = _names_in(statements, left_out)
        names = parameters if statements is function.body else []
        for name in filter(number.names.fullmatch, [*names, *sorted(bound)]):
            if name not in read:
                found.setdefault(name, name in compared)
    return found


def _kept_names(function: Function, tree: ast.Module, number: Number) -> dict[str, bool]:
    """What a constructor keeps in attributes that no layer gets, with whether they are compared.

    `self.key_stride = 2` is named as it is; `self.stride = stride` by the parameter, if nothing else reads that.
    """
    found: dict[str, bool] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign([ast.Attribute(ast.Name("self"), attribute)], value) if number.kept_as.fullmatch(attribute):
                read, compared = _attributes_read(tree)
                names = [other.id for other in ast.walk(function) if isinstance(other, ast.Name) and other is not value]
                if attribute not in read and not isinstance(value, ast.Name):
                    found[f"self.{attribute}"] = attribute in compared
                elif attribute not in read and isinstance(value, ast.Name) and value.id not in names:
                    found[value.id] = attribute in compared
    return found


@cache
def _attributes_read(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """The attributes that a file reads, and those that it reads in comparisons."""
    read, compared = set[str](), set[str]()
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, in_comparison = waiting.pop()
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            (compared if in_comparison else read).add(node.attr)
        inside = in_comparison or isinstance(node, ast.Compare)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]
    return frozenset(read), frozenset(compared)


def _names_in(
    nodes: Iterable[ast.AST], left_out: frozenset[ast.AST] = frozenset()
) -> tuple[set[str], set[str], set[str]]:
    """The names that statements but those `left_out` bind, read, and read in comparisons only."""
    bound, read, compared = set[str](), set[str](), set[str]()
    waiting = [(node, False) for node in nodes]
    while waiting:
        node, in_comparison = waiting.pop()
        if isinstance(node, ast.Name):
            kinds = compared if in_comparison else read
            (bound if isinstance(node.ctx, ast.Store) else kinds).add(node.id)
        inside = in_comparison or isinstance(node, ast.Compare)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node) if child not in left_out]
    return bound, read, compared
