"""Finds the module that a block has for its shortcut, whatever its name: it must not get a second one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.vocabulary import SHORTCUT_ATTRIBUTE

from . import patterns as m
from .bound_names import assignments
from .source_tree import Source
from .written_operands import operands_of


def own_shortcut(addition: cst.CSTNode, operand: int, source: Source) -> str | None:
    """The attribute of an existing shortcut, as in `x + self.downsample(x)`.

    It may have any name if it is optional: in `x if self.res is None else self.res(x)`, or in
    `if self.conv3: x = self.conv3(x)`; or if it is an identity.
    """
    operands, forward = operands_of(addition), source.function_around(addition)
    if operand >= len(operands) or forward is None:
        return None
    shortcut = operands[operand]
    named = [value for name, value in assignments(forward) if m.matches(shortcut, m.Name(name))]
    usual = m.Call(func=m.Attribute(m.Name("self"), m.Name(re.compile(f".*({SHORTCUT_ATTRIBUTE.pattern}).*"))))
    called = [*m.findall(shortcut, usual), *(value for value in named if m.matches(value, usual))]
    optional = (name for value in (shortcut, *named) for name in _called_if_there(value, source))
    plain = (_attribute_of(value) for value in (shortcut, *named) if m.matches(value, _OF_SELF))
    identities = (name for name in plain if _is_identity(name, addition, source))
    return next((_attribute_of(call) for call in called), None) or next(optional, None) or next(identities, None)


_OF_SELF = m.Call(func=m.Attribute(m.Name("self")))


def _is_identity(attribute: str, addition: cst.CSTNode, source: Source) -> bool:
    """Whether the constructor sets an attribute to `nn.Identity()`, and to nothing else."""
    init = source.constructor_around(addition)
    values = values_of(attribute, init) if init is not None else []
    identity = m.Call(func=m.Name("Identity") | m.Attribute(attr=m.Name("Identity")))
    return bool(values) and all(m.matches(value, identity) for value in values)


def values_of(attribute: str, node: cst.CSTNode) -> list[cst.BaseExpression]:
    """What the statements below a node assign to an attribute of self."""
    assigns = (cst.ensure_type(found, cst.Assign) for found in m.findall(node, m.Assign()))
    of_self = m.Attribute(m.Name("self"), m.Name(attribute))
    return [assign.value for assign in assigns if m.matches(assign.targets[0].target, of_self)]


def _called_if_there(value: cst.BaseExpression, source: Source) -> Iterator[str]:
    """The modules of self that a value calls, if a test around the call or in the value asks whether they are there."""
    around = value if isinstance(value, cst.IfExp) else next(source.above(_statement_of(value, source)), None)
    body = next(source.above(around), None) if isinstance(around, cst.IndentedBlock) else around
    sides = [value.body, value.orelse] if isinstance(value, cst.IfExp) else [value]
    for side in sides:
        if isinstance(body, (cst.If, cst.IfExp)) and m.matches(side, m.Call(func=m.Attribute(m.Name("self")))):
            name = _attribute_of(side)
            there = m.Attribute(m.Name("self"), m.Name(name))
            compared = m.Comparison(left=there, comparisons=[m.ComparisonTarget(comparator=m.Name("None"))])
            if m.matches(body.test, there | compared):
                yield name


def _statement_of(value: cst.BaseExpression, source: Source) -> cst.CSTNode:
    return source.statement_around(value) or value


def _attribute_of(call: cst.CSTNode) -> str:
    return cst.ensure_type(cst.ensure_type(call, cst.Call).func, cst.Attribute).attr.value
