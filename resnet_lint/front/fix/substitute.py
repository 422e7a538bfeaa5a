"""Substitutes expressions for names, and names for expressions, in a libcst tree.

Only free variables count as names: not attributes, keywords, lambda parameters or comprehension targets.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from .precedence import ATOM, CHOICE, binding

_CONSTANTS = frozenset({"None", "True", "False"})


@dataclass(frozen=True, eq=False)
class Read:
    """A free variable in an expression; `bound` are the names that enclosing lambdas and comprehensions bind."""

    node: cst.Name
    bound: frozenset[str]


def reads_of(expression: cst.CSTNode) -> list[Read]:
    """The free variables of an expression, in source order."""
    visitor = _Reads()
    expression.visit(visitor)
    return visitor.found


def names_in(expression: cst.CSTNode) -> set[str]:
    """The names of the free variables of an expression."""
    return {read.node.value for read in reads_of(expression)}


def substituted(expression: cst.BaseExpression, values: Mapping[str, cst.BaseExpression]) -> cst.BaseExpression | None:
    """The expression with names replaced by values; None if a lambda or comprehension would capture a variable."""
    replacements: dict[cst.CSTNode, cst.BaseExpression] = {}
    for read in reads_of(expression):
        value = values.get(read.node.value)
        if value is not None:
            if read.bound & names_in(value):
                return None
            replacements[read.node] = value
    return _replaced(expression, replacements)


def renamed(
    expression: cst.BaseExpression, names: Mapping[str, str], owner: cst.BaseExpression | None
) -> cst.BaseExpression:
    """The expression with subexpressions replaced by the names for their `key` in `names`, largest ones first.

    Attributes of `owner` become attributes of self: for the owner `block`, `block.expansion` becomes `self.expansion`.
    """
    visitor = _Parts(names, owner, {read.node for read in reads_of(expression)})
    expression.visit(visitor)
    return _replaced(expression, visitor.replacements)


def key(expression: cst.BaseExpression) -> str:
    """A key that is equal for expressions that differ in whitespace, quotes and parentheses only."""
    return ast.dump(ast.parse(f"({cst.Module([]).code_for_node(expression)})", mode="eval").body)


class _Reads(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Read] = []
        self._bound: frozenset[str] = frozenset()

    def visit_Name(self, node: cst.Name) -> None:
        if node.value not in self._bound | _CONSTANTS:
            self.found.append(Read(node, self._bound))

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        parameters = [child for child in _descendants(node.params) if isinstance(child, cst.Param)]
        for parameter in parameters:
            if parameter.default is not None:
                parameter.default.visit(self)
        self._visit_with({parameter.name.value for parameter in parameters}, node.body)
        return False

    def visit_ListComp(self, node: cst.ListComp) -> bool:
        return self._visit_comprehension(node.for_in, node.elt)

    def visit_SetComp(self, node: cst.SetComp) -> bool:
        return self._visit_comprehension(node.for_in, node.elt)

    def visit_GeneratorExp(self, node: cst.GeneratorExp) -> bool:
        return self._visit_comprehension(node.for_in, node.elt)

    def visit_DictComp(self, node: cst.DictComp) -> bool:
        return self._visit_comprehension(node.for_in, node.key, node.value)

    def _visit_comprehension(self, loop: cst.CompFor, *elements: cst.BaseExpression) -> bool:
        loop.iter.visit(self)  # evaluated in the enclosing scope
        targets, inner = set[str](), loop
        inside: list[cst.CSTNode] = []
        while True:
            targets |= {bound.value for bound in _descendants(inner.target) if isinstance(bound, cst.Name)}
            inside += [condition.test for condition in inner.ifs]
            if inner.inner_for_in is None:
                break
            inner = inner.inner_for_in
            inside.append(inner.iter)
        self._visit_with(targets, *inside, *elements)
        return False

    def _visit_with(self, bound: set[str], *nodes: cst.CSTNode) -> None:
        before, self._bound = self._bound, self._bound | bound
        for node in nodes:
            node.visit(self)
        self._bound = before


def _descendants(node: cst.CSTNode) -> list[cst.CSTNode]:
    """A node and its descendants."""
    return [node, *(descendant for child in node.children for descendant in _descendants(child))]


class _Parts(cst.CSTVisitor):
    """Finds the largest subexpressions that have another name, without bound variables."""

    def __init__(self, names: Mapping[str, str], owner: cst.BaseExpression | None, reads: set[cst.Name]) -> None:
        super().__init__()
        self.replacements: dict[cst.CSTNode, cst.BaseExpression] = {}
        self._names = names
        self._owner = key(owner) if owner is not None else None
        self._reads = reads

    def on_visit(self, node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.BaseExpression) or isinstance(node, cst.StarredElement):
            return True
        if isinstance(node, cst.Name) and node not in self._reads:
            return False
        if isinstance(node, cst.Attribute) and key(node.value) == self._owner:
            self.replacements[node.value] = cst.Name("self")
            return False
        name = self._names.get(key(node))
        if name is not None:
            self.replacements[node] = cst.Name(name)
        return name is None


def _replaced(
    expression: cst.BaseExpression, replacements: Mapping[cst.CSTNode, cst.BaseExpression]
) -> cst.BaseExpression:
    result = expression.visit(_Replacer(expression, replacements))
    assert isinstance(result, cst.BaseExpression)
    return result


class _Replacer(cst.CSTTransformer):
    """Replaces nodes, with parentheses if precedence requires them."""

    def __init__(self, expression: cst.BaseExpression, replacements: Mapping[cst.CSTNode, cst.BaseExpression]) -> None:
        super().__init__()
        self._replacements = replacements
        self._alone: set[cst.CSTNode] = {expression}
        self._before_a_dot: set[cst.CSTNode] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Arg) and node.star == "":
            self._alone.add(node.value)
        if isinstance(node, cst.Attribute):
            self._before_a_dot.add(node.value)
        return node not in self._replacements

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        value = self._replacements.get(original_node)
        if value is None:
            return updated_node
        is_number = isinstance(value, cst.Integer) and original_node in self._before_a_dot
        least = CHOICE if original_node in self._alone else ATOM
        if binding(value) >= least and not is_number:
            return value
        return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
