"""Corrects the width that a model keeps while it builds its stages: `self.inplanes = planes * block.expansion`.

The assignment may be missing: `cin = width` in a loop after `blocks.append(Block(cin, width))`, that of an attribute in
a method that builds one stage after the other, or `width = width * 2` after a layer of this width.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.fix_plans import Change, Site

from . import patterns as m
from .bound_names import assignments_in, is_method, loop_names, parameter_names
from .call_arguments import argument_of, function_parameters, site_parameters
from .source_tree import Source, Sources, Step, TextEdit
from .substitute import names_in
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
            width = Scope(step.function, source, sources).argument(change.like, change.like_argument)
            if width is not None and width != source.code(passed.value):
                yield from _assignments(passed.value, width, step, change.like, sources)
        if not isinstance(passed.value, cst.Name) or passed.value.value not in parameter_names(step.function):
            return
        argument, parameters = passed.value.value, function_parameters(step.function, is_method(step.function))


def _assignments(
    variable: cst.BaseExpression, width: str, step: Step, like: Site, sources: Sources
) -> Iterator[tuple[str, TextEdit]]:
    """The assignments of a width to a variable: in place of the one that there is, or where one is missing."""
    source = step.source
    line = f"{source.code(variable)} = {width}"
    value = _kept_in(variable, step, source)
    if value is not None:
        grown = _statement_that_builds(like, step, sources) if _is_grown(variable, width) else None
        if grown is not None:
            yield line, source.lines_after(grown, [line])
        if width != source.code(value):
            yield line, source.replaced(value, width)
    last = _last_before_assignment(variable, step, like, sources) if value is None else None
    if last is not None:
        yield line, source.lines_after(last, [line])


def _is_grown(variable: cst.BaseExpression, width: str) -> bool:
    """Whether a width is that of a local variable, times or plus something: `width * 2`."""
    return isinstance(variable, cst.Name) and variable.value in names_in(cst.parse_expression(width))


def _last_before_assignment(
    variable: cst.BaseExpression, step: Step, like: Site, sources: Sources
) -> cst.CSTNode | None:
    """The statement behind which the assignment of a running width is missing."""
    loop = _loop_that_keeps(variable, step.call, step.source)
    if loop is not None:
        return loop.body.body[-1]
    return _statement_behind(like, variable, step, sources) if _is_kept_for_stages(variable, step) else None


def _is_kept_for_stages(variable: cst.BaseExpression, step: Step) -> bool:
    """Whether a method reads an attribute that only the constructor sets, which calls the method for several stages."""
    source, method = step.source, step.function
    init = source.constructor_around(step.call)
    definition = source.class_around(step.call)
    if not m.matches(variable, m.Attribute(m.Name("self"))) or method is None or definition is None or init is None:
        return False
    targets = [cst.ensure_type(found, cst.AssignTarget).target for found in m.findall(definition, m.AssignTarget())]
    set_in_init = [cst.ensure_type(found, cst.AssignTarget).target for found in m.findall(init, m.AssignTarget())]
    set_at = [sum(target.deep_equals(variable) for target in found) for found in (targets, set_in_init)]
    calls = m.findall(init, m.Call(func=m.Attribute(m.Name("self"), m.Name(method.name.value))))
    return method is not init and set_at == [1, 1] and len(calls) > 1


def _statement_behind(site: Site, variable: cst.BaseExpression, step: Step, sources: Sources) -> cst.CSTNode | None:
    """The statement of a method that constructs a layer, or the block that has it.

    If that is the layer of a shortcut, below an `if`, it is the next statement that reads the running width.
    """
    statement, method = _statement_that_builds(site, step, sources), step.function
    if statement is None or method is None:
        return None
    around = [statement, *step.source.above(statement)]
    if not any(isinstance(node, cst.If) for node in around):
        return statement
    body = list(method.body.body)
    behind = body[next(index for index, part in enumerate(body) if part in around) + 1 :]
    simple = (part for part in behind if isinstance(part, cst.SimpleStatementLine))
    return next((part for part in simple if _reads(part, variable)), None)


def _statement_that_builds(site: Site, step: Step, sources: Sources) -> cst.SimpleStatementLine | None:
    """The statement of the function of a step that constructs a layer, or the block that has it."""
    steps = (sources.step(site, level) for level in range(len(site.calls)))
    call = next((found.call for found in steps if found is not None and found.function is step.function), None)
    return step.source.statement_around(call) if call is not None else None


def _reads(node: cst.CSTNode, variable: cst.BaseExpression) -> bool:
    """Whether a statement reads an attribute of self."""
    found = m.findall(node, m.Attribute(m.Name("self")))
    return any(attribute.deep_equals(variable) for attribute in found)


def _loop_that_keeps(variable: cst.BaseExpression, call: cst.Call, source: Source) -> cst.For | None:
    """The innermost loop around a call that reads a variable in every iteration, and never assigns it."""
    loop = next((node for node in source.above(call) if isinstance(node, cst.For)), None)
    if not isinstance(variable, cst.Name) or loop is None or not isinstance(loop.body, cst.IndentedBlock):
        return None
    names = {name for name, _ in assignments_in(loop.body)} | loop_names([loop])
    return loop if variable.value not in names else None


def _kept_in(variable: cst.BaseExpression, step: Step, source: Source) -> cst.BaseExpression | None:
    """The last value that a function assigns to a variable after a call that reads it: that for the next stage."""
    if not m.matches(variable, m.Name() | m.Attribute(m.Name("self"))) or step.function is None:
        return None
    assigns = [cst.ensure_type(found, cst.Assign) for found in m.findall(step.function, m.Assign())]
    later = [assign for assign in assigns if source.line_of(assign) > source.line_of(step.call)]
    values = [assign.value for assign in later if assign.targets[0].target.deep_equals(variable)]
    return values[-1] if values else None
