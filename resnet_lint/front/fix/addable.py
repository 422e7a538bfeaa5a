"""The conditions under which a block can add its input: stride 1 and equal channels, as its constructor says them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.fix_plans import Projection

from . import patterns as m
from .block_ends import block_ends, names_for, unique
from .precedence import AND, COMPARISON, bracketed, operands_of_chain
from .source_tree import Source
from .sums import always_equal, never_equal
from .users_expressions import Scope


def addable(projection: Projection, scope: Scope, always: bool = False) -> list[tuple[str, ...]]:
    """Candidate conditions: what the failing addition needs; then both, if it fails elsewhere for another reason.

    Both come first if the addition happens `always`: the next caller may need the other one.
    """
    needed, both = [*_needed(projection, scope)], [*_both(projection, scope)]
    return unique([*both, *needed] if always else [*needed, *both])


def is_true(test: cst.BaseExpression) -> bool:
    """Whether a test is the word `True`."""
    return m.matches(test, m.Name("True"))


def narrowed(test: cst.BaseExpression, conditions: tuple[str, ...], source: Source) -> str:
    """A test and the conditions that it does not have yet; the conditions alone for `True`."""
    code = source.code(test)
    if is_true(test):
        return " and ".join(conditions)
    kept = [part for part in operands_of_chain(test, cst.And) if not _is_implied(part, conditions, source)]
    code = bracketed(code, AND) if len(kept) == len(operands_of_chain(test, cst.And)) else _joined(kept, source)
    return " and ".join(filter(None, [code, *(condition for condition in conditions if condition not in code)]))


def _is_implied(part: cst.BaseExpression, conditions: tuple[str, ...], source: Source) -> bool:
    """Whether a part of a test, such as `inp <= oup`, follows from one of the conditions, such as `inp == oup`."""
    weak = m.Comparison(comparisons=[m.ComparisonTarget(operator=m.LessThanEqual() | m.GreaterThanEqual())])
    if not m.matches(part, weak):
        return False
    compared = cst.ensure_type(part, cst.Comparison)
    sides = {source.code(compared.left), source.code(compared.comparisons[0].comparator)}
    return any(set(condition.split(" == ")) == sides for condition in conditions)


def _joined(parts: list[cst.BaseExpression], source: Source) -> str:
    return " and ".join(bracketed(source.code(part), AND + 1) for part in parts)


def _needed(p: Projection, scope: Scope) -> Iterator[tuple[str, ...]]:
    """The conditions that the shapes of the failing addition need."""
    strides = _unit_strides(p, scope) if max(p.stride, default=1) > 1 else []
    for ends in _ends(p, scope) if p.channels[0] != p.channels[1] else (None,):
        for stride in strides or (None,):
            found = tuple(condition for condition in (stride, ends and _equal(*ends)) if condition is not None)
            if found:
                yield found


def _both(p: Projection, scope: Scope) -> Iterator[tuple[str, ...]]:
    """Unit stride and equal channels, for a flag that fails for one reason in one block and for another elsewhere."""
    stride = next(iter(_unit_strides(p, scope)), None)
    ends = next(_ends(p, scope), None)
    if stride is not None and ends is not None:
        yield (stride, _equal(*ends))


def _ends(p: Projection, scope: Scope) -> Iterator[tuple[str, str]]:
    """Expressions for the input and output channels that may be equal, but need not be."""
    return (ends for ends in block_ends(p, scope) if not never_equal(*ends) and not always_equal(*ends))


def _unit_strides(p: Projection, scope: Scope) -> list[str]:
    """The stride of the branch compared with 1, then the names for a stride."""
    strided = [site for site in p.branch if site.stride and max(site.stride) > 1]
    passed = scope.argument(strided[0], "stride") if strided else None
    named = names_for("stride", scope.function)
    strides = [stride for stride in (passed, *named) if stride is not None and not stride.isdigit()]
    return unique(f"{bracketed(stride, COMPARISON + 1)} == 1" for stride in strides)


def _equal(channels_in: str, channels_out: str) -> str:
    return " == ".join(bracketed(end, COMPARISON + 1) for end in (channels_in, channels_out))
