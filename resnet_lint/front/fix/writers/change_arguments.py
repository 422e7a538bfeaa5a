"""Changes arguments of layers: the stride of a shortcut, a missing padding, the input channels."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, Site

from ..block_ends import attributes_for, names_for, unique
from ..bound_names import (
    assigned_once,
    assignments,
    hands_keywords_on,
    is_method,
    loop_names,
    names_bound_in,
    names_of_finished_loops,
    parameter_names,
    unread_loop_names,
    unread_names,
)
from ..call_arguments import (
    argument_of,
    default_of,
    function_parameters,
    site_parameters,
    with_argument,
    without_argument,
)
from ..full_padding import full_paddings
from ..lost_parts import with_lost_part
from ..running_width import running_widths
from ..sibling_layers import in_sibling_calls, in_sibling_layers
from ..source_tree import Source, Sources, TextEdit
from ..substitute import names_in
from ..sums import drops_a_part
from ..users_expressions import Scope
from . import Way


def write(plan: ChangeArguments, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Set the arguments, as expressions of the enclosing function, then as numbers. The title has the expressions."""
    for change in plan.changes if len(plan.changes) == 1 else ():
        for assignment, edit in running_widths(change, source, sources):
            title = f"set {assignment}, the width that {change.site.name} is constructed with"
            yield Way([edit], title, rebuilds=True)
    for written in changed_arguments(plan.changes, source, sources):
        title = plan.title
        for change, option in zip(plan.changes, written, strict=True):
            title = title.replace(change.in_words(), change.in_words(option.argument, option.value))
        completes = all(option.is_unread for option in written)
        adapts = all(change.argument in _INPUTS for change in plan.changes)
        pairs = zip(plan.changes, written, strict=True)
        drops = any(_drops_a_part(option, source) for change, option in pairs if not _is_back_to_input(change))
        of_norms = all(change.argument in _OF_NORMS for change in plan.changes)
        yield Way(edits_of(written), title, completes, adapts, unclear=drops, keeps_widths=of_norms)


_OF_SIBLINGS = (
    "padding",
    "in_channels",
    "out_channels",
    "in_features",
    "out_features",
    "num_features",
    "num_channels",
    "normalized_shape",
)
"""The arguments for which other layers in the same function show an expression."""

_OF_NORMS = ("num_features", "num_channels", "normalized_shape")

_INPUTS = ("in_channels", "in_features", *_OF_NORMS)

_MOST_UNREAD = 2
"""A function with more unread parameters than this keeps them for its subclasses."""

_WIDTH = re.compile(r"(?i)ch(an|$)|plane|filter|dim|feat|width|hidden|mid|inp|out|^n?in$|^(cin|c_in)$")
_NO_WIDTH = re.compile(r"(?i)strid|size|kernel|pad|ratio|dilat|group|drop|spatial|dims$|layer|block")

_PADDING = re.compile(r"p|\w*pad\w*")
"""The names of a padding, if nothing reads them: a `p` that is read is a probability as well."""


@dataclass(frozen=True)
class Written:
    """An argument as it is written at one call: `s=stride` where a helper calls it `s`.

    `is_unread`: the value is a name in the function that nothing reads yet.
    """

    argument: str
    value: str
    edit: TextEdit
    is_unread: bool = False


def _drops_a_part(written: Written, source: Source) -> bool:
    return drops_a_part(source.text[written.edit.start : written.edit.end], written.value)


def _is_back_to_input(change: Change) -> bool:
    """Whether the last layer of a branch gets the width that the first one takes: `Linear(hidden * 4, hidden)`."""
    return change.argument.startswith("out_") and change.like_argument in _INPUTS and not change.outside


def edits_of(written: Sequence[Written]) -> list[TextEdit]:
    """The edits of several changes, without those that are the same."""
    return list(dict.fromkeys(option.edit for option in written))


def changed_arguments(changes: Sequence[Change], source: Source, sources: Sources) -> Iterator[tuple[Written, ...]]:
    """The candidates for changing several arguments together, best first."""
    options = [list(dict.fromkeys(_options(change, source, sources))) for change in changes]
    if not options or not all(options):
        return
    if len({len(option) for option in options}) == 1:
        # The candidates of all changes are in the same order, so they are combined by index.
        combinations = [*zip(*options, strict=True), *itertools.islice(itertools.product(*options), 8)]
    else:
        combinations = list(itertools.islice(itertools.product(*options), 32))
    # The fewest edits first: one that makes all changes is likelier than two.
    possible = (written for written in dict.fromkeys(combinations) if len(edits_of(written)) == _places(written))
    yield from sorted(possible, key=_places)


def _places(written: Sequence[Written]) -> int:
    """The number of places that several changes edit."""
    return len({(option.edit.start, option.edit.end) for option in written})


def _options(change: Change, source: Source, sources: Sources) -> Iterator[Written]:
    """The edits that set an argument of a layer, from the outermost call that determines it inwards.

    But first of all where the layer is constructed beside the one that it has to match.
    """
    argument, found, beside = change.argument, list[Written](), list[Written]()
    parameters: tuple[str, ...] | None = None
    forgotten = False
    for level in range(len(change.site.calls)):
        step = sources.step(change.site, level)
        if step is None or step.function is None:
            break
        here, call, function = step.source, step.call, step.function
        if parameters is None:
            parameters = site_parameters(change.site, call)
        passed = argument_of(call, parameters, argument)
        passed = passed or _in_keywords(call, argument, function)
        name = _parameter_passed_on(passed, argument, function)
        handed_on = passed is None and hands_keywords_on(call, function)
        if here is source and not (handed_on and _is_passed(argument, change.site, level + 1, sources)):
            stale = names_of_finished_loops(function, list(source.above(call)))
            values = list(_values(change, level, Scope(function, source, sources)))
            if passed is not None and change.argument.startswith("in_"):
                values = [*with_lost_part(passed.value, function, source), *values]
            values += in_sibling_calls(argument, parameters, Scope(function, source, sources), call) if level else []
            values = [v for v in values if not names_in(cst.parse_expression(v)) & stale]
            # Don't replace a parameter by a number, which would affect all callers of the function.
            fixed = passed is None or _is_number(here.code(passed.value))
            values = [v for v in values if fixed or not (_is_number(v) or _is_tuple(v))]
            # Don't use a number if the function has a name for the value, which may differ between instances.
            if forgotten or any(v in names_bound_in(function) for v in values):
                values = [v for v in values if not _is_number(v)]
            edits = {value: with_argument(call, parameters, argument, value, passed, source) for value in values}
            unread = unread_names(function) | unread_loop_names(source.above(call))
            unread |= {change.value} if change.unread else set()
            written = [Written(argument, v, edit, v in unread) for v, edit in edits.items() if edit is not None]
            if level == 0 and _is_beside(change, function, sources):
                beside = written
            # Other layers read the width that a block is given for its normalization, and fail too if that is wrong.
            found = found + written if change.argument in _OF_NORMS else written + found
            unstrided = (change.argument, change.value) == ("stride", "1")
            if unstrided and passed is not None and not fixed and is_method(function):
                found += [Written(argument, "1", without_argument(call, passed, "1", source))]
        if forgotten:
            break
        if name is None and (here is source and not _has_keywords(function)):
            break
        given_by_caller = (name is not None or handed_on) and (_wraps_layers(function, source) or level < change.common)
        if here is source and is_method(function) and not given_by_caller:
            # A block takes it from its caller: the only mistake there is to pass nothing.
            forgotten = name is not None and _is_left_out(name, change.site, level, function, sources)
            if not forgotten:
                break
        inner, parameters = parameters, function_parameters(function, is_method(function))
        if name is None and handed_on:
            parameters = inner if _hands_positions_on(function) else (*parameters, argument)
        argument = name or argument
    yield from (*beside, *found)


def _is_passed(argument: str, site: Site, level: int, sources: Sources) -> bool:
    """Whether the call at a level passes a keyword argument, which the function of the call inside hands on."""
    step = sources.step(site, level)
    return step is not None and argument_of(step.call, (), argument) is not None


def _is_beside(change: Change, function: cst.FunctionDef, sources: Sources) -> bool:
    """Whether a function itself constructs the layer that another one has to match: `conv(a, a), norm(b)`."""
    like = sources.step(change.like, 0) if change.like is not None else None
    return like is not None and like.function is function


def _is_left_out(name: str, site: Site, level: int, function: cst.FunctionDef, sources: Sources) -> bool:
    """Whether the call of a constructor leaves a parameter to its default, or passes 1 where it has a name for it."""
    outer = sources.step(site, level + 1)
    parameters = function_parameters(function, is_method(function))
    if outer is None or any(arg.star for arg in outer.call.args):
        return False
    passed = argument_of(outer.call, parameters, name)
    if passed is not None:
        named = outer.function is not None and name in parameter_names(outer.function)
        return named and outer.source.code(passed.value) == "1"
    return default_of(function, name) is not None


def _parameter_passed_on(passed: cst.Arg | None, argument: str, function: cst.FunctionDef) -> str | None:
    """The parameter of the function that a call passes on, so that the caller determines it.

    In an expression or for a number, the parameter with the name of the argument (`stride if dilation == 1 else 1`).
    """
    named = (*function_parameters(function, bound=False), *(p.name.value for p in function.params.kwonly_params))
    if passed is None:
        return None
    name = passed.value.value if isinstance(passed.value, cst.Name) else argument
    if _is_replaced(name, function):
        return None
    return next((spelling for spelling in (name, argument) if spelling in named), None)


def _is_replaced(name: str, function: cst.FunctionDef) -> bool:
    """Whether a function gives a parameter values of its own, as in `in_channels = out_channels`."""
    values = [value for target, value in assignments(function) if target == name]
    return any(name not in names_in(value) for value in values)


def _in_keywords(call: cst.Call, argument: str, function: cst.FunctionDef) -> cst.Arg | None:
    """The argument in a `dict(...)` that the function creates and the call unpacks."""
    for passed in call.args:
        if passed.star == "**" and isinstance(passed.value, cst.Name):
            made = assigned_once(passed.value.value, function)
            if isinstance(made, cst.Call) and isinstance(made.func, cst.Name) and made.func.value == "dict":
                found = argument_of(made, (), argument)
                if found is not None:
                    return found
    return None


def _hands_positions_on(function: cst.FunctionDef) -> bool:
    """Whether a method takes nothing but `*args, **kwargs`, so that its callers pass what the call inside takes."""
    params = function.params
    named = (*params.posonly_params, *params.params[is_method(function) :], *params.kwonly_params)
    return isinstance(params.star_arg, cst.Param) and not named


def _has_keywords(function: cst.FunctionDef) -> bool:
    return isinstance(function.params.star_kwarg, cst.Param)


def _wraps_layers(function: cst.FunctionDef, source: Source) -> bool:
    """Whether a function is the constructor of a small wrapper around a layer, without an addition of its own."""
    definition = source.class_around(function)
    return function.name.value == "__init__" and definition is not None and not _adds(source.code(definition))


def _adds(code: str) -> bool:
    forward = code.partition("def forward")[2]
    return re.search(r"\+=|[\w\])] \+ [\w(]|torch\.add\(|\.blocks\b", forward) is not None


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[\d(), ]+|True|False", value) is not None


def _is_tuple(value: str) -> bool:
    return isinstance(cst.parse_expression(value), cst.Tuple)


def _values(change: Change, level: int, scope: Scope) -> Iterator[str]:
    in_another = change.outside and level < change.common and scope.function.name.value == "__init__"
    if change.like is not None and change.like_argument is not None and not (in_another and scope.builds(change.like)):
        common = change.common if in_another else 0
        expression = scope.argument_beside(change.like, change.like_argument, change.site, level, common)
        if expression is not None:
            yield from _assigned_next(expression, change.site, level, scope)
            yield expression
    unstrided = (change.argument, change.value) == ("stride", "1")
    step = scope.sources.step(change.site, level)
    around = loop_names(scope.source.above(step.call)) if step is not None else set[str]()
    names = _likely_names(change.argument, scope, around)
    names = [name for name in names if not unstrided or name in unread_names(scope.function)]
    if change.argument == "padding" and level > 0 and "," in change.value:  # a helper makes the pair of one number
        yield from (*names, str(max(map(int, re.findall(r"\d+", change.value)))))
    kept = 0 if change.argument == "padding" else 1
    for name in names:
        yield name if "," not in change.value else re.sub(rf"\b(?!{kept}\b)\d+", name, change.value)
    if step is not None and level == 0 and change.argument in _OF_SIBLINGS:
        yield from in_sibling_layers(change.argument, scope, step.call)
    if change.argument == "padding":
        yield from full_paddings(change.site, scope)
    yield change.value


def _assigned_next(name: str, site: Site, level: int, scope: Scope) -> Iterator[str]:
    """The value that a name has after the call of a layer: `width = init_width` before the next layer reads `width`."""
    step = scope.sources.step(site, level)
    if step is not None and name.isidentifier():
        line = scope.source.line_of(step.call)
        later = [value for target, value in assignments(scope.function) if target == name]
        later = [value for value in later if scope.source.line_of(value) > line]
        yield from (scope.source.in_line(value) for value in later[:1])


def _is_width(name: str) -> bool:
    """Whether a name is that of a number of channels or features: an unread `stride` of 2 may fit by coincidence."""
    return _WIDTH.search(name) is not None and _NO_WIDTH.search(name) is None


def _likely_names(argument: str, scope: Scope, around: Set[str]) -> list[str]:
    """The names in a function that are likely for an argument: `stride`, `padding1`, `outplanes` for `out_channels`.

    `around` are the variables of the loops around the place.
    """
    function = scope.function
    if argument == "padding":
        unread = sorted(name for name in unread_names(function) if _PADDING.fullmatch(name))
        return unique([*unread, *names_for(argument, function)])
    if argument == "stride":
        return [*names_for(argument, function), *attributes_for(argument, function, scope.source)]
    if argument.startswith(("in_", "out_", "num_")):
        unread = sorted(name for name in unread_names(function) & parameter_names(function) if _is_width(name))
        end = "in" if argument.startswith("in_") else "out"
        named = [*names_for(end, function, around), *attributes_for(end, function, scope.source)]
        return unique([*(unread if len(unread) <= _MOST_UNREAD else ()), *named])
    return []
