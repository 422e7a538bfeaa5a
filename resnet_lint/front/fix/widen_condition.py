"""Widens the condition under which a shortcut gets its projection: `if stride != 1:` forgets the channels.

It stands where the shortcut is made: in the block's constructor, in a helper that this calls, or further out, where the
block is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from resnet_lint.shared.records.fix_plans import Projection
from resnet_lint.shared.vocabulary import SHORTCUT_ATTRIBUTE

from . import patterns as m
from .call_arguments import default_of
from .own_shortcut import values_of
from .precedence import NOT, bracketed, operands_of_chain
from .projection_numbers import Pair, numbers_in
from .source_tree import Source, Sources, TextEdit
from .substitute import names_in
from .sums import never_equal
from .users_expressions import Scope, said_inside


@dataclass(frozen=True)
class _Choice:
    """A test that decides whether a shortcut is a projection: it is one where the test comes out as `when`.

    `built` is the code that makes the projection.
    """

    test: cst.BaseExpression
    when: bool
    built: cst.CSTNode


def conditions_widened(
    projection: Projection, source: Source, sources: Sources, own: str | None = None
) -> Iterator[list[TextEdit]]:
    """The candidate edits that widen a condition to all shapes that need a projection, from the block outward.

    `own` is the attribute of the shortcut's module if the addition tells it.
    """
    for function in _functions_around(projection, source, sources):
        numbers = numbers_in(Scope(function, source, sources), projection)
        pairs = numbers.unequal if numbers is not None else []
        if projection.channels[0] == projection.channels[1]:  # what the test says about channels stays as it is
            pairs = [pair for pair in pairs if pair[1] == "1" or not _is_said_otherwise(pair, function, source)]
        values = [value for _, value in shortcuts_set(function)]
        values += [value for value in (values_of(own, function) if own else ()) if value not in values]
        yield from _all_widened(function, values, pairs, source)
        for call in values:
            helper = _helper(call, function, source)
            if helper is not None and isinstance(call, cst.Call):
                inside = [_inside(pair, call, helper) for pair in pairs]
                yield from _all_widened(helper, _returned(helper), [pair for pair in inside if pair], source)


def is_built_on_condition(definition: cst.ClassDef, constructor: cst.FunctionDef, source: Source) -> bool:
    """Whether a constructor builds a projection under a condition, which is to be widened: `not same and conv or None`.

    One that the class calls without a condition belongs to another addition.
    """
    in_use = _called_always(definition, source)
    built = [(name, value) for name, value in shortcuts_set(constructor) if not is_plain(value, source)]
    values = [value for name, value in built if name not in in_use]
    is_joined = any(isinstance(value, cst.BooleanOperation) for value in values)
    return is_joined or any(True for _ in _choices(constructor, values, source))


def _called_always(definition: cst.ClassDef, source: Source) -> set[str]:
    """The attributes of self that a class calls outside of conditions."""
    calls = m.findall(definition, m.Call(func=m.Attribute(m.Name("self"))))
    always = [call for call in calls if not any(isinstance(a, (cst.If, cst.IfExp)) for a in source.above(call))]
    return {cst.ensure_type(cst.ensure_type(call, cst.Call).func, cst.Attribute).attr.value for call in always}


def shortcuts_set(node: cst.CSTNode) -> list[tuple[str, cst.BaseExpression]]:
    """The attributes and local names of a shortcut that are assigned below a node, with their values."""
    found = []
    for assignment in m.findall(node, m.Assign()):
        assign = cst.ensure_type(assignment, cst.Assign)
        target = assign.targets[0].target
        name = target.attr if isinstance(target, cst.Attribute) else target
        if isinstance(name, cst.Name) and SHORTCUT_ATTRIBUTE.search(name.value):
            found.append((name.value, assign.value))
    return found


def _is_said_otherwise(pair: Pair, function: cst.FunctionDef, source: Source) -> bool:
    """Whether a test that decides on the shortcut compares the left side of a pair with something else."""
    choices = _choices(function, [value for _, value in shortcuts_set(function)], source)
    comparisons = [_as_comparison(found) for choice in choices for found in m.findall(choice.test, _COMPARISON)]
    sides = [{source.code(found.left), source.code(found.comparisons[0].comparator)} for found in comparisons]
    return any(pair[0] in compared and pair[1] not in compared for compared in sides)


def _as_comparison(node: cst.CSTNode) -> cst.Comparison:
    return cst.ensure_type(node, cst.Comparison)


def _returned(function: cst.FunctionDef) -> list[cst.BaseExpression]:
    values = (cst.ensure_type(statement, cst.Return).value for statement in m.findall(function, m.Return()))
    return [value for value in values if value is not None]


def _functions_around(projection: Projection, source: Source, sources: Sources) -> list[cst.FunctionDef]:
    """The functions of the edited file that construct the first layer of the branch, innermost first."""
    site = projection.branch[0]
    steps = [sources.step(site, level) for level in range(len(site.calls))]
    functions = [step.function for step in steps if step is not None and step.source is source]
    return list(dict.fromkeys(function for function in functions if function is not None))


def _helper(call: cst.BaseExpression, function: cst.FunctionDef, source: Source) -> cst.FunctionDef | None:
    """The function in the file, or method of the class or its parents, that an expression calls."""
    if not isinstance(call, cst.Call):
        return None
    owner, _, name = source.code(call.func).rpartition(".")
    methods = _statements_of(source.class_around(function), source) if owner == "self" else ()
    body = source.module.body if not owner else methods
    return next(
        (statement for statement in body if isinstance(statement, cst.FunctionDef) and statement.name.value == name),
        None,
    )


def _statements_of(definition: cst.ClassDef | None, source: Source) -> Iterator[cst.CSTNode]:
    """The statements of a class, then those of its parents in the file."""
    if definition is not None:
        yield from definition.body.body
        parents = {source.code(base.value) for base in definition.bases} - {definition.name.value}
        for statement in source.module.body:
            if isinstance(statement, cst.ClassDef) and statement.name.value in parents:
                yield from _statements_of(statement, source)


def _inside(pair: Pair, call: cst.Call, helper: cst.FunctionDef) -> Pair | None:
    """Express both sides of a comparison in the called helper."""
    left, right = (side if side.isdigit() else said_inside(side, call, helper) for side in pair)
    return (left, right) if left is not None and right is not None else None


# --- the choices ------------------------------------------------------------------------------------------------------


def _all_widened(
    function: cst.FunctionDef, values: Sequence[cst.BaseExpression], pairs: Sequence[Pair], source: Source
) -> Iterator[list[TextEdit]]:
    """The edits that widen all tests in a function that select one of these values for a shortcut."""
    for choice in _choices(function, values, source):
        known = names_in(choice.built)
        # Values that are not used by the projection, such as the stride of a pooling layer, don't require one.
        asked = [pair for pair in pairs if _names(pair) <= known or _pads(choice.built)]
        text = _widened(choice, asked, source)
        if asked and not any(never_equal(*pair) for pair in asked) and text != source.code(choice.test):
            yield [source.replaced(choice.test, text)]


def _pads(built: cst.CSTNode) -> bool:
    """Whether a shortcut has no weights, but takes every other pixel and pads the channels with zeros."""
    return bool(m.findall(built, m.Call(func=m.Name("pad") | m.Attribute(attr=m.Name("pad")))))


def _choices(function: cst.FunctionDef, values: Sequence[cst.BaseExpression], source: Source) -> Iterator[_Choice]:
    for value in values:
        if isinstance(value, cst.IfExp) and _decides(test := _test_of(value, function), function):
            plain = is_plain(value.body, source)
            yield _Choice(test, not plain, value.orelse if plain else value.body)
    inside = {statement: _under(statement, values, source) for statement in m.findall(function, m.If())}
    ifs = [cst.ensure_type(outer, cst.If) for outer, made in inside.items() if made]
    deciding = [statement for statement in ifs if _decides(_test_of(statement, function), function)]
    for statement in deciding:
        if not _under(statement, deciding, source):  # the innermost one decides
            plain = all(is_plain(value, source) for value in inside[statement])
            yield _Choice(_test_of(statement, function), not plain, function.body if plain else statement.body)


def _test_of(choice: cst.If | cst.IfExp, function: cst.FunctionDef) -> cst.BaseExpression:
    """The test of a choice; for `if self.resize:`, the only value that the function assigns to this flag."""
    flag, found = choice.test, list[cst.BaseExpression]()
    if not m.matches(flag, m.Name() | m.Attribute(m.Name("self"))):
        return flag
    for assignment in m.findall(function, m.Assign()):
        assign = cst.ensure_type(assignment, cst.Assign)
        found += [assign.value for target in assign.targets if target.target.deep_equals(flag)]
    return found[0] if len(found) == 1 else flag


def _under(statement: cst.CSTNode, nodes: Sequence[cst.CSTNode], source: Source) -> list[cst.CSTNode]:
    """The nodes that are in the body of an `if`."""
    return [node for node in nodes if cst.ensure_type(statement, cst.If).body in source.above(node)]


def is_plain(value: cst.CSTNode, source: Source) -> bool:
    """Whether a shortcut is the identity: None, `nn.Identity()`, an empty `nn.Sequential()`."""
    return re.fullmatch(r"None|([\w.]*\.)?(Identity|Sequential)\(\)", source.code(value)) is not None


# --- the tests --------------------------------------------------------------------------------------------------------


def _widened(choice: _Choice, pairs: Sequence[Pair], source: Source) -> str:
    """A test that also holds if the sides of a pair differ; if it selects the identity, only if they are equal."""
    outer, inner = (cst.And, cst.Or) if choice.when else (cst.Or, cst.And)
    parts = operands_of_chain(choice.test, outer)
    guards = [part for part in parts if not _is_about_shapes(part) and not _is_constant(part)]
    compared = [f"{left} {'!=' if choice.when else '=='} {right}" for left, right in pairs]
    joined = " or " if choice.when else " and "
    if guards == [choice.test]:  # an option of the caller
        return joined.join([source.code(choice.test), *compared])
    covered = {name for pair in pairs for name in _names(pair)}
    others = [operand for part in parts if _is_about_shapes(part) for operand in operands_of_chain(part, inner)]
    kept = [condition for condition in others if not _is_comparison(condition) or not names_in(condition) <= covered]
    texts = [*(bracketed(source.code(condition), NOT) for condition in kept), *compared]
    test = joined.join(texts)
    if guards and len(texts) > 1:
        test = f"({test})"
    return (" and " if choice.when else " or ").join([*(bracketed(source.code(guard), NOT) for guard in guards), test])


_COMPARISON = m.Comparison(
    comparisons=[
        m.ComparisonTarget(
            operator=m.NotEqual()
            | m.Equal()
            | m.LessThan()
            | m.GreaterThan()
            | m.LessThanEqual()
            | m.GreaterThanEqual(),
            comparator=~m.SimpleString(),
        )
    ]
)


def _is_comparison(node: cst.CSTNode) -> bool:
    """Whether an expression compares numbers, unlike `is not None` or a comparison with a string."""
    return m.matches(node, _COMPARISON)


def _decides(test: cst.BaseExpression, function: cst.FunctionDef) -> bool:
    """Whether a test compares numbers, or is constant, so that it may have done so before, or is up to the caller."""
    return _is_about_shapes(test) or _is_constant(test) or _is_option(test, function)


def _is_option(test: cst.BaseExpression, function: cst.FunctionDef) -> bool:
    """Whether a test is a parameter that is False by default: `conv_shortcut=False`."""
    default = default_of(function, test.value) if isinstance(test, cst.Name) else None
    return default is not None and m.matches(default, m.Name("False"))


def _is_about_shapes(test: cst.CSTNode) -> bool:
    return bool(m.findall(test, _COMPARISON))


def _is_constant(test: cst.CSTNode) -> bool:
    return m.matches(test, m.Name("True") | m.Name("False") | m.Integer())


def _names(pair: Pair) -> set[str]:
    return {name for side in pair for name in names_in(cst.parse_expression(side))}
