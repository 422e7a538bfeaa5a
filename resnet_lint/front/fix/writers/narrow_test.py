"""Restricts a test in `forward` (`if self.stride == 1:`) to shapes that can be added.

Of a setting (`if self.cfg.residual:`), the one with the wrong value is corrected, if that alone is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import NarrowTest

from .. import patterns as m
from ..addable import addable, narrowed
from ..block_ends import names_for
from ..source_tree import Source, Sources
from ..stated_flags import corrected_settings
from ..substitute import names_in, substituted
from ..users_expressions import Scope, code_of
from . import Way


def write(plan: NarrowTest, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """Add the missing conditions to the test, in names of `forward` or attributes that the constructor has set."""
    test = next((node for node in source.at(plan.test) if isinstance(node, cst.BaseExpression)), None)
    forward = source.function_around(test) if test is not None else None
    init = source.constructor_around(test) if test is not None else None
    if test is None or forward is None or init is None:
        return
    if m.matches(test, m.Attribute(m.Attribute())):
        for title, edit in corrected_settings(cst.ensure_type(test, cst.Attribute).attr.value, source):
            yield Way([edit], title)
    kept = _attributes(init, source)
    for conditions in addable(plan.projection, Scope(init, source, sources)):
        said = tuple(_in_forward(condition, kept) for condition in conditions)
        known = tuple(condition for condition in said if condition is not None)
        if len(known) == len(conditions):
            yield Way([source.replaced(test, narrowed(test, known, source))])
    yield from _by_locals(plan, test, forward, source)


def _attributes(init: cst.FunctionDef, source: Source) -> dict[str, str]:
    """`self.inp` for `inp`, if the constructor keeps it there."""
    kept: dict[str, str] = {}
    for found in m.findall(init, m.Assign(targets=[m.AssignTarget(m.Attribute(m.Name("self")))])):
        assign = cst.ensure_type(found, cst.Assign)
        kept.setdefault(source.code(assign.value), source.code(assign.targets[0].target))
    return kept


def _in_forward(condition: str, kept: dict[str, str]) -> str | None:
    """`self.inp == self.cfg.out` for `inp == cfg.out`; None if one side is not an attribute."""
    left, right = (side if side.isdigit() else _of_self(side, kept) for side in condition.split(" == "))
    return f"{left} == {right}" if left is not None and right is not None else None


def _of_self(code: str, kept: dict[str, str]) -> str | None:
    """An expression of the constructor in attributes of self; None if it reads a name that is not kept."""
    if code in kept:
        return kept[code]
    expression = cst.parse_expression(code)
    names = names_in(expression)
    if not names or not names <= kept.keys():
        return None
    inside = substituted(expression, {name: cst.parse_expression(kept[name]) for name in names})
    return code_of(inside) if inside is not None else None


def _by_locals(plan: NarrowTest, test: cst.BaseExpression, forward: cst.FunctionDef, source: Source) -> Iterator[Way]:
    """With the names that `forward` has for channels and stride."""
    p, conditions = plan.projection, list[str]()
    strides, ins, outs = (names_for(meaning, forward) for meaning in ("stride", "in", "out"))
    if max(p.stride, default=1) > 1 and strides:
        conditions.append(f"{strides[0]} == 1")
    if p.channels[0] != p.channels[1] and ins and outs:
        conditions.append(f"{ins[0]} == {outs[0]}")
    if conditions:
        yield Way([source.replaced(test, narrowed(test, tuple(conditions), source))])
