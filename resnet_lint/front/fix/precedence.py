"""Operator precedence, and the parentheses that an expression needs.

Source: the table of operator precedence in Python's language reference (6.17).
"""

from __future__ import annotations

import libcst as cst

LOOSEST, CHOICE, OR, AND, NOT, COMPARISON, BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, PRODUCT, SIGN, POWER, ATOM = range(15)

_BINARY: dict[type[cst.CSTNode], int] = {
    cst.BitOr: BIT_OR,
    cst.BitXor: BIT_XOR,
    cst.BitAnd: BIT_AND,
    cst.LeftShift: SHIFT,
    cst.RightShift: SHIFT,
    cst.Add: SUM,
    cst.Subtract: SUM,
    cst.Power: POWER,
}

_LOOSEST = (cst.Tuple, cst.NamedExpr, cst.Yield, cst.GeneratorExp, cst.ConcatenatedString)


def binding(expression: cst.BaseExpression, added: int = 0) -> int:
    """The precedence of an expression; a parenthesised one is an atom, without counting `added` parentheses.

    >>> binding(cst.parse_expression("(a) + (b)")) == SUM
    True
    """
    if len(expression.lpar) > added:
        return ATOM
    match expression:
        case cst.BooleanOperation(operator=operator):
            return OR if isinstance(operator, cst.Or) else AND
        case cst.UnaryOperation(operator=operator):
            return NOT if isinstance(operator, cst.Not) else SIGN
        case cst.BinaryOperation(operator=operator):
            return _BINARY.get(type(operator), PRODUCT)
        case cst.Comparison():
            return COMPARISON
        case cst.IfExp() | cst.Lambda():
            return CHOICE
        case cst.Await():
            return POWER
    return LOOSEST if isinstance(expression, _LOOSEST) else ATOM


def bracketed(code: str, least: int = ATOM) -> str:
    """The code of an expression, parenthesised if its precedence is lower than `least`.

    >>> bracketed("(a) + (b)"), bracketed("a * b", SUM)
    ('((a) + (b))', 'a * b')
    """
    expression = cst.parse_expression(f"({code}\n)")  # the expression may span lines
    return f"({code})" if binding(expression, added=1) < least else code


def operands_of_chain(test: cst.BaseExpression, operator: type[cst.BaseBooleanOp]) -> list[cst.BaseExpression]:
    """The operands of a chain of `and` or `or`; of any other expression, the expression itself."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, operator):
        return [*operands_of_chain(test.left, operator), *operands_of_chain(test.right, operator)]
    return [test]
