"""The conditions under which a block can add its input: stride 1 and equal channels, as its constructor says them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from resnet_lint.shared.records.fix_plans import Projection

from .block_ends import block_ends, names_for, unique
from .precedence import AND, COMPARISON, bracketed
from .source_tree import Source
from .users_expressions import Scope


def addable(projection: Projection, scope: Scope) -> list[tuple[str, ...]]:
    """Candidate conditions: what the failing addition needs; then both, if it fails elsewhere for another reason."""
    return unique([*_needed(projection, scope), *_both(projection, scope)])


def narrowed(test: cst.BaseExpression, conditions: tuple[str, ...], source: Source) -> str:
    """A test and the conditions that it does not have yet; the conditions alone for `True`."""
    code = source.code(test)
    if m.matches(test, m.Name("True")):
        return " and ".join(conditions)
    return " and ".join([bracketed(code, AND), *(condition for condition in conditions if condition not in code)])


def _needed(p: Projection, scope: Scope) -> Iterator[tuple[str, ...]]:
    """The conditions that the shapes of the failing addition need."""
    stride = _unit_stride(p, scope) if max(p.stride, default=1) > 1 else None
    for ends in block_ends(p, scope) if p.channels[0] != p.channels[1] else (None,):
        found = tuple(condition for condition in (stride, ends and _equal(*ends)) if condition is not None)
        if found:
            yield found


def _both(p: Projection, scope: Scope) -> Iterator[tuple[str, ...]]:
    """Unit stride and equal channels, for a flag that fails for one reason in one block and for another elsewhere."""
    stride = _unit_stride(p, scope) or next((f"{name} == 1" for name in names_for("stride", scope.function)), None)
    ends = next(block_ends(p, scope), None)
    if stride is not None and ends is not None:
        yield (stride, _equal(*ends))


def _unit_stride(p: Projection, scope: Scope) -> str | None:
    strided = [site for site in p.branch if site.stride and max(site.stride) > 1]
    stride = scope.argument(strided[0], "stride") if strided else None
    return f"{bracketed(stride, COMPARISON + 1)} == 1" if stride is not None and not stride.isdigit() else None


def _equal(channels_in: str, channels_out: str) -> str:
    return " == ".join(bracketed(end, COMPARISON + 1) for end in (channels_in, channels_out))
