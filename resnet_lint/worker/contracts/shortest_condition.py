"""Finds the shortest Python condition that separates the points that work from those that fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

Point = Mapping[str, int]
"""A value for each name."""

Truth = tuple[bool, ...]
"""Whether something is true, at several points."""

_MOST_LITERALS = 16


def shortest_condition(works: Sequence[Point], fails: Sequence[Point], literals: Iterable[str]) -> str | None:
    """A condition of `literals` that holds at all points in `works` and at none in `fails`; None if there is none.

    If `fails` is empty, it is `True`. `literals` are Python expressions in the names of the points, simplest first.
    """
    if not fails:
        return "True"
    points = [*works, *fails]
    wanted = tuple([True] * len(works) + [False] * len(fails))
    return next((text for text, truth in _combined(_distinguishing(literals, points)) if truth == wanted), None)


def _distinguishing(literals: Iterable[str], points: Sequence[Point]) -> dict[str, Truth]:
    """The literals that are true at some points only; of equivalent ones, the first."""
    known: dict[Truth, str] = {}
    for text in literals:
        if set(re.findall(r"[A-Za-z_]\w*", text)) <= points[0].keys():
            truth = tuple(_holds(text, point) for point in points)
            if any(truth) and not all(truth):
                known.setdefault(truth, text)
    return {text: truth for truth, text in list(known.items())[:_MOST_LITERALS]}


def _holds(text: str, point: Point) -> bool:
    """Whether a condition holds; False if it divides by zero."""
    try:
        return bool(eval(text, {}, dict(point)))
    except ArithmeticError:
        return False


def _combined(known: Mapping[str, Truth]) -> Iterator[tuple[str, Truth]]:
    """Combinations, shortest first: a; a and b; a or b; a and b and c; a or b and c; (a or b) and c."""
    yield from known.items()
    for size in (2, 3):
        for several in combinations(known, size):
            yield " and ".join(several), tuple(map(all, zip(*(known[text] for text in several), strict=True)))
            yield " or ".join(several), tuple(map(any, zip(*(known[text] for text in several), strict=True)))
    for alone in known:
        for one, two in combinations([text for text in known if text != alone], 2):
            rows = list(zip(known[alone], known[one], known[two], strict=True))
            yield f"{alone} or {one} and {two}", tuple(a or (b and c) for a, b, c in rows)
            yield f"{alone} and ({one} or {two})", tuple(a and (b or c) for a, b, c in rows)
