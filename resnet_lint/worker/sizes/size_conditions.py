"""A set of sizes in words: from the sizes that a model takes to the condition that people would write for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Literal

from .periodic import Condition

Kind = Literal["fixed", "least", "divisible", "range"]

# In longer lists of sizes nobody sees a rule.
_MOST_LISTED = 12


def described(name: str, taken: Mapping[int, bool]) -> tuple[str, Kind] | None:
    """The condition on the size `name` under which it is taken, as Python, and its kind; None where any size is.

    `taken` says of sizes from 1 on whether they are; those that it leaves out may be either.
    """
    sizes = [size for size, is_taken in taken.items() if is_taken]
    if len(sizes) == len(taken):
        return None
    if len(sizes) == 1:
        return f"{name} == {sizes[0]}", "fixed"
    if _agrees(lambda size: size >= sizes[0], taken):
        return f"{name} >= {sizes[0]}", "least"
    return _periodic(name, taken, sizes) or (_listed(name, sizes), "range")


def _agrees(condition: Callable[[int], bool], taken: Mapping[int, bool]) -> bool:
    return all(condition(size) == is_taken for size, is_taken in taken.items())


def _periodic(name: str, taken: Mapping[int, bool], sizes: list[int]) -> tuple[str, Kind] | None:
    """`H % 32 == 0` and the like; small sizes may be out of step with it: too small, or taken by accident."""
    largest = max(taken)
    for period in range(2, largest // 2 + 1):
        for small in (each for each in (period, 2 * period, 4 * period) if each <= largest // 2):
            steps = {size % period for size in sizes if size > small}
            early = [size for size in sizes if size <= small and size % period not in steps]
            late = [size for size, is_taken in taken.items() if not is_taken and size % period in steps]
            if len(steps) in (0, period) or (late and late[-1] > small) or (early and late):
                continue
            text = Condition(period, tuple(sorted(steps))).text(name)
            if late:
                text += f" and {name} > {late[-1]}"
            return (f"{text} or {_listed(name, early)}" if early else text), "divisible"
    return None


def _listed(name: str, sizes: list[int]) -> str:
    """`H <= 4`, `193 <= H <= 224`, or the sizes one by one."""
    runs = _runs(sizes)
    if len(runs) > 1 and len(sizes) <= _MOST_LISTED:
        return f"{name} in {tuple(sizes)}"
    return " or ".join(_run(name, *run) for run in runs)


def _run(name: str, first: int, last: int) -> str:
    if first == last:
        return f"{name} == {first}"
    return f"{name} <= {last}" if first == 1 else f"{first} <= {name} <= {last}"


def _runs(sizes: list[int]) -> list[tuple[int, int]]:
    """The first and the last of each row of sizes without a gap."""
    gaps = [(before, after) for before, after in pairwise(sizes) if after != before + 1]
    firsts, lasts = [sizes[0], *(after for _, after in gaps)], [*(before for before, _ in gaps), sizes[-1]]
    return list(zip(firsts, lasts, strict=True))
