"""Describes a set of sizes by a Python condition: `H % 32 == 0`, `H >= 12`, `193 <= H <= 224`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Literal

from .periodic_sizes import PeriodicCondition

Kind = Literal["fixed", "least", "divisible", "range"]

# More sizes than this are listed as ranges.
_MOST_LISTED = 12


def size_condition(name: str, accepted: Mapping[int, bool]) -> tuple[str, Kind] | None:
    """The condition on the size `name` as a Python expression, and its kind; None if all sizes are accepted, or none.

    `accepted` maps sizes from 1 on to whether they are accepted; missing sizes may be either.
    """
    sizes = [size for size, is_accepted in accepted.items() if is_accepted]
    if len(sizes) in (0, len(accepted)):
        return None
    if len(sizes) == 1:
        return f"{name} == {sizes[0]}", "fixed"
    if _agrees(lambda size: size >= sizes[0], accepted):
        return f"{name} >= {sizes[0]}", "least"
    return _periodic(name, accepted, sizes) or (_listed(name, sizes), "range")


def _agrees(condition: Callable[[int], bool], accepted: Mapping[int, bool]) -> bool:
    return all(condition(size) == is_accepted for size, is_accepted in accepted.items())


def _periodic(name: str, accepted: Mapping[int, bool], sizes: list[int]) -> tuple[str, Kind] | None:
    """A condition such as `H % 32 == 0`; small sizes may be exceptions: too small, or accepted by accident."""
    largest = max(accepted)
    for period in range(2, largest // 2 + 1):
        for small in (limit for limit in (period, 2 * period, 4 * period) if limit <= largest // 2):
            remainders = {size % period for size in sizes if size > small}
            extra = [size for size in sizes if size <= small and size % period not in remainders]
            missing = [
                size for size, is_accepted in accepted.items() if not is_accepted and size % period in remainders
            ]
            is_exact = not missing or missing[-1] <= small
            if len(remainders) in (0, period) or not is_exact or (extra and missing):
                continue
            text = PeriodicCondition(period, tuple(sorted(remainders))).text(name)
            if missing:
                text += f" and {name} > {missing[-1]}"
            return (f"{text} or {_listed(name, extra)}" if extra else text), "divisible"
    return None


def _listed(name: str, sizes: list[int]) -> str:
    """`H <= 4`, `193 <= H <= 224`, or a list of the sizes."""
    ranges = _ranges(sizes)
    if len(ranges) > 1 and len(sizes) <= _MOST_LISTED:
        return f"{name} in {tuple(sizes)}"
    return " or ".join(_range(name, *ends) for ends in ranges)


def _range(name: str, first: int, last: int) -> str:
    if first == last:
        return f"{name} == {first}"
    return f"{name} <= {last}" if first == 1 else f"{first} <= {name} <= {last}"


def _ranges(sizes: list[int]) -> list[tuple[int, int]]:
    """The first and last size of each range of consecutive sizes."""
    gaps = [(before, after) for before, after in pairwise(sizes) if after != before + 1]
    firsts, lasts = [sizes[0], *(after for _, after in gaps)], [*(before for before, _ in gaps), sizes[-1]]
    return list(zip(firsts, lasts, strict=True))
