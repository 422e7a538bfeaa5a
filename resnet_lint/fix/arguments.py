"""Builds a layer with another argument: the stride of a shortcut, a lost padding, the channels that come in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import libcst as cst

from ..records import Change, Finding
from .expressions import expression_for
from .signatures import argument_of, function_parameters, layer_parameters
from .source import Source, Sources, TextEdit


def changed_arguments(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The ways to make a mend's changes of arguments, the best one first: edits of `source`, not verified."""
    changes = finding.mend.changes if finding.mend is not None else ()
    options = [list(_options(change, source, sources)) for change in changes]
    if not options or not all(options):
        return
    for combination in itertools.islice(itertools.product(*options), 8):
        unique = {(edit.start, edit.end): edit for edit in combination}
        yield list(unique.values())


def _options(change: Change, source: Source, sources: Sources) -> Iterator[TextEdit]:
    """The edits that give one layer its argument: first where it is built, then at the calls that lead there."""
    argument = change.argument
    found: list[TextEdit] = []
    for level, span in enumerate(change.site.calls):
        call = source.call_at(span) if span.path == source.path else None
        if call is None:
            break
        function = source.function_around(call)
        parameters = layer_parameters(call.func) if level == 0 else _parameters_of(call, source)
        if parameters is None or function is None:
            break
        passed = argument_of(call, parameters, argument)
        for value in _values(change, function, source, sources):
            edit = _with_argument(call, parameters, argument, value, passed, source)
            if edit is not None:
                found.append(edit)
        # A bare name that is the helper's own parameter is decided by who calls the helper.
        name = passed.value.value if passed is not None and isinstance(passed.value, cst.Name) else None
        if name is None or name not in function_parameters(function, bound=False) or _is_init(function):
            break
        argument = name
        found.reverse()
    yield from dict.fromkeys(found)


def _values(change: Change, function: cst.FunctionDef, source: Source, sources: Sources) -> Iterator[str]:
    if change.like is not None and change.like_argument is not None:
        expression = expression_for(change.like, change.like_argument, function, source, sources)
        if expression is not None:
            yield expression
    if change.argument == "padding":
        kernel = expression_for(change.site, "kernel_size", function, source, sources)
        if kernel is not None and not kernel[0].isdigit() and "(" not in kernel:
            yield f"{kernel} // 2"
    yield change.value


def _parameters_of(call: cst.Call, source: Source) -> tuple[str, ...] | None:
    """The parameters of a function or class of the file itself that a call names."""
    name = call.func.value if isinstance(call.func, cst.Name) else None
    for statement in source.module.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
            return function_parameters(statement, bound=False)
        if isinstance(statement, cst.ClassDef) and statement.name.value == name:
            for method in statement.body.body:
                if isinstance(method, cst.FunctionDef) and method.name.value == "__init__":
                    return function_parameters(method, bound=True)
    return None


def _is_init(function: cst.FunctionDef) -> bool:
    return function.name.value == "__init__"


def _with_argument(
    call: cst.Call, parameters: tuple[str, ...], name: str, value: str, passed: cst.Arg | None, source: Source
) -> TextEdit | None:
    if passed is not None:
        return source.replaced(passed.value, value) if source.code(passed.value) != value else None
    if name not in parameters:
        return None
    # As a keyword, right whatever comes before: behind the last argument that the layer's own order puts before it.
    before = [arg for arg in call.args if arg.star == "" and _comes_before(arg, name, parameters)]
    if not before or any(arg.star for arg in call.args):
        return None
    _, end = source.range_of(before[-1])
    return TextEdit(end, end, f", {name}={value}")


def _comes_before(argument: cst.Arg, name: str, parameters: tuple[str, ...]) -> bool:
    keyword = argument.keyword.value if argument.keyword is not None else None
    return keyword not in parameters or parameters.index(keyword) < parameters.index(name)
