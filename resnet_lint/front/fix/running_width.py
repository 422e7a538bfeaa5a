"""Corrects the width that a model keeps while it builds its stages: `self.inplanes = planes * block.expansion`.

In a loop, the assignment may be missing: `cin = width` after `blocks.append(Block(cin, width))`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.fix_plans import Change

from . import patterns as m
from .bound_names import assignments_in, is_method, loop_names, parameter_names
from .call_arguments import argument_of, function_parameters, site_parameters
from .source_tree import Source, Sources, TextEdit
from .users_expressions import Scope


def running_widths(change: Change, source: Source, sources: Sources) -> Iterator[tuple[str, TextEdit]]:
    """The assignment of the variable that is the input width of a layer, corrected or added, and the edit."""
    if change.like is None or change.like_argument is None or not change.argument.startswith("in_"):
        return
    argument, parameters = change.argument, tuple[str, ...]()
    for level in range(len(change.site.calls)):
        step = sources.step(change.site, level)
        if step is None or step.function is None:
            return
        parameters = site_parameters(change.site, step.call) if level == 0 else parameters
        passed = argument_of(step.call, parameters, argument)
        if passed is None:
            return
        if step.source is source:
            value = _kept_in(passed.value, step.function, source.line_of(step.call), source)
            width = Scope(step.function, source, sources).argument(change.like, change.like_argument)
            if width is not None and width != source.code(passed.value):
                if value is not None and width != source.code(value):
                    yield f"{source.code(passed.value)} = {width}", source.replaced(value, width)
                loop = _loop_that_keeps(passed.value, step.call, source) if value is None else None
                if loop is not None:
                    line = f"{source.code(passed.value)} = {width}"
                    yield line, source.lines_after(loop.body.body[-1], [line])
        if not isinstance(passed.value, cst.Name) or passed.value.value not in parameter_names(step.function):
            return
        argument, parameters = passed.value.value, function_parameters(step.function, is_method(step.function))


def _loop_that_keeps(variable: cst.BaseExpression, call: cst.Call, source: Source) -> cst.For | None:
    """The innermost loop around a call that reads a variable in every iteration, and never assigns it."""
    loop = next((node for node in source.above(call) if isinstance(node, cst.For)), None)
    if not isinstance(variable, cst.Name) or loop is None or not isinstance(loop.body, cst.IndentedBlock):
        return None
    names = {name for name, _ in assignments_in(loop.body)} | loop_names([loop])
    return loop if variable.value not in names else None


def _kept_in(
    variable: cst.BaseExpression, function: cst.FunctionDef, line: int, source: Source
) -> cst.BaseExpression | None:
    """The last value that a function assigns to a variable after a line that reads it: that for the next stage."""
    if not m.matches(variable, m.Name() | m.Attribute(m.Name("self"))):
        return None
    assigns = [cst.ensure_type(found, cst.Assign) for found in m.findall(function, m.Assign())]
    later = [assign for assign in assigns if source.line_of(assign) > line]
    values = [assign.value for assign in later if assign.targets[0].target.deep_equals(variable)]
    return values[-1] if values else None
