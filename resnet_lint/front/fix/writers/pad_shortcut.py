"""Corrects the channels that a shortcut without weights adds, and its stride."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import PadShortcut

from ..block_ends import block_ends
from ..bound_names import elements
from ..precedence import SUM, bracketed
from ..projection_numbers import stride_in
from ..source_tree import Source, Sources, TextEdit
from ..users_expressions import Scope
from . import Way

_CHANNELS = slice(4, 6)
"""The amounts for the channels of images in the second argument of `F.pad`, which starts with the last axis."""

_LONGEST_LINE = 120


def write(plan: PadShortcut, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, (planes - inplanes) // 2, (planes - inplanes) // 2))`."""
    call = source.call_at(plan.pad)
    function = source.function_around(call) if call is not None else None
    if call is None or function is None or len(call.args) < 2:
        return
    scope, projection = Scope(function, source, sources), plan.projection
    if not projection.branch or not scope.builds(projection.branch[0]):
        return
    strided = list(_strided(call, plan, scope))
    if projection.channels[0] == projection.channels[1]:
        yield from (Way([edit]) for edit in strided)
        return
    for ends in block_ends(projection, scope):
        padded = _padded(call, *ends, source)
        if padded:
            yield Way(_wrapped(call, [*padded, *strided], source))


def _padded(call: cst.Call, channels_in: str, channels_out: str, source: Source) -> list[TextEdit]:
    """The edits of the amounts: all at the end of the channels if the first amount is 0, else half at both ends."""
    amounts = elements(call.args[1].value)[_CHANNELS]
    if len(amounts) != 2:
        return []
    added = f"{bracketed(channels_out, SUM)} - {bracketed(channels_in, SUM + 1)}"
    if source.code(amounts[0]) == "0":
        return [source.replaced(amounts[1], added)]
    return [source.replaced(amount, f"({added}) // 2") for amount in amounts]


def _strided(call: cst.Call, plan: PadShortcut, scope: Scope) -> Iterator[TextEdit]:
    """The edit that takes every other pixel, if the shortcut lacks the stride of the branch."""
    stride, given = stride_in(scope, plan.projection), call.args[0].value
    if max(plan.projection.stride, default=1) > 1 and stride is not None and isinstance(given, cst.Name):
        steps = ", ".join([f"::{stride}"] * len(plan.projection.stride))
        yield scope.source.replaced(given, f"{given.value}[:, :, {steps}]")


def _wrapped(call: cst.Call, edits: list[TextEdit], source: Source) -> list[TextEdit]:
    """The edits; if they make the line of a call too long, with the arguments of the call on a line of their own."""
    start, end = source.range_of(call.args[0])[0], source.range_of(call)[1] - 1
    line = source.line_around(start)
    grown = sum(len(edit.text) - (edit.end - edit.start) for edit in edits)
    if line != source.line_around(end) or len(line) + grown <= _LONGEST_LINE:
        return edits
    indent = source.module.default_newline + line[: len(line) - len(line.lstrip())]
    return [
        *edits,
        TextEdit(start, start, indent + source.module.default_indent),
        TextEdit(end, end, indent),
    ]
