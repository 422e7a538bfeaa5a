"""Finds the names that a function or class binds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

import libcst as cst

from . import patterns as m
from .substitute import reads_of


def parameter_names(function: cst.FunctionDef) -> set[str]:
    """The names of a function's parameters, except for `*args` and `**kwargs`."""
    params = function.params
    return {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}


def names_bound_in(function: cst.FunctionDef) -> set[str]:
    """The parameters of a function except for `self`, and the names that it assigns."""
    return ({name for name, _ in assignments(function)} | parameter_names(function)) - {"self"}


def unread_names(function: cst.FunctionDef) -> set[str]:
    """The parameters and local names that nothing in a function reads."""
    assigned = Counter(name for name, _ in assignments(function))
    mentioned = Counter(read.node.value for read in reads_of(function.body))
    return {name for name in names_bound_in(function) if mentioned[name] <= assigned[name]}


def unread_loop_names(around: Iterable[cst.CSTNode]) -> set[str]:
    """The variables of the loops around a place that nothing in their loop reads."""
    loops = [node for node in around if isinstance(node, cst.For)]
    return {
        name.value
        for loop in loops
        for name in elements(loop.target)
        if isinstance(name, cst.Name) and name.value not in {read.node.value for read in reads_of(loop.body)}
    }


def loop_names(around: Iterable[cst.CSTNode]) -> set[str]:
    """The variables of the loops around a place."""
    targets = [element for loop in around if isinstance(loop, cst.For) for element in elements(loop.target)]
    return {name.value for target in targets for name in elements(target) if isinstance(name, cst.Name)}


def assigned_once(name: str, function: cst.FunctionDef) -> cst.BaseExpression | None:
    """The value of a local name that a function assigns exactly once."""
    values = [value for target, value in assignments(function) if target == name]
    return values[0] if len(values) == 1 else None


def assignments(function: cst.FunctionDef) -> list[tuple[str, cst.BaseExpression]]:
    """The local names that a function assigns, with their values, in order."""
    return assignments_in(function.body)


def assignments_in(body: cst.BaseSuite) -> list[tuple[str, cst.BaseExpression]]:
    """The local names that statements assign, with their values, in order."""
    found: list[tuple[str, cst.BaseExpression]] = []

    class Assignments(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:
            for target in node.targets:
                names, values = elements(target.target), elements(node.value)
                if isinstance(target.target, cst.Name):
                    names, values = [target.target], [node.value]
                if len(names) == len(values):
                    pairs = zip(names, values, strict=True)
                    found.extend((name.value, value) for name, value in pairs if isinstance(name, cst.Name))

    body.visit(Assignments())
    return found


def names_of_finished_loops(function: cst.FunctionDef, around: Container[cst.CSTNode]) -> set[str]:
    """The names that are bound only in loops that do not enclose a place; they keep the values of the last iteration.

    `around` are the nodes that enclose the place.
    """
    loops = [cst.ensure_type(found, cst.For) for found in m.findall(function, m.For())]
    other = [loop for loop in loops if loop not in around]
    inside = {name for loop in other for name in _names_in_loop(loop)}
    here = {name for loop in loops if loop in around for name in _names_in_loop(loop)}
    bound = [name for name, _ in assignments(function)]
    within = [name for loop in _outermost(other) for name, _ in assignments_in(loop.body)]
    outside = {name for name in bound if bound.count(name) > within.count(name)}
    return inside - here - outside - parameter_names(function)


def _names_in_loop(loop: cst.For) -> Iterator[str]:
    """The variables of a loop, and the names that its body assigns."""
    yield from (name.value for name in elements(loop.target) if isinstance(name, cst.Name))
    yield from (name for name, _ in assignments_in(loop.body))


def _outermost(loops: Sequence[cst.For]) -> list[cst.For]:
    nested = {id(inner) for loop in loops for inner in m.findall(loop.body, m.For())}
    return [loop for loop in loops if id(loop) not in nested]


def elements(expression: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The elements of a tuple `a, b`; for any other expression, the expression itself."""
    if isinstance(expression, (cst.Tuple, cst.List)):
        return [element.value for element in expression.elements]
    return [expression]


def class_attributes(definition: cst.ClassDef) -> set[str]:
    """The names that a class body assigns: `expansion = 4`, `expansion: int = 4`."""
    found = set()
    for line in definition.body.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            target = part.target if isinstance(part, cst.AnnAssign) else None
            if isinstance(part, cst.Assign):
                target = part.targets[0].target
            if isinstance(target, cst.Name):
                found.add(target.value)
    return found


def hands_keywords_on(call: cst.Call, function: cst.FunctionDef) -> bool:
    """Whether a call passes on the `**kwargs` of the enclosing function."""
    keywords = function.params.star_kwarg
    return keywords is not None and any(
        m.matches(arg, m.Arg(m.Name(keywords.name.value), star="**")) for arg in call.args
    )


def is_method(function: cst.FunctionDef) -> bool:
    """Whether calls omit the first parameter of a function: `self` or `cls`."""
    return bool(function.params.params) and function.params.params[0].name.value in ("self", "cls")
