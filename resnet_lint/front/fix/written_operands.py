"""Finds the operands of an addition or concatenation in the source."""

from __future__ import annotations

import libcst as cst


def operands_of(node: cst.CSTNode) -> list[cst.BaseExpression]:
    """`a` and `b` in `a + b`, `a += b`, `a.add_(b)`, `torch.add(a, b)` and `torch.cat([a, b])`."""
    if isinstance(node, cst.SimpleStatementLine):
        node = node.body[0]
    if isinstance(node, cst.BinaryOperation):
        return [node.left, node.right]
    if isinstance(node, cst.AugAssign):
        return [node.target, node.value]
    if not isinstance(node, cst.Call) or not node.args:
        return []
    first = node.args[0].value
    if isinstance(first, (cst.List, cst.Tuple)):
        return [element.value for element in first.elements]
    if len(node.args) == 1 and isinstance(node.func, cst.Attribute):
        return [node.func.value, first]
    return [argument.value for argument in node.args]
