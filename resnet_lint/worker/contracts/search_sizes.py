"""Searches the sizes that a model accepts, with a few runs per class of sizes that its guards distinguish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise, permutations, product

from ..sizes.compiled_sizes import Predicate
from .try_sizes import Sizes, Trials

# Sizes that are always tried: small ones, where layers run out of pixels, and odd ones.
_ALWAYS_TRIED = frozenset((1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65))
_LEAST_LARGEST = 320
_LARGEST_BATCH = 16
_STEPS_ASIDE = (1, 2, 3, 32, -1)
_MOST_PAIRS = 40

Accepted = dict[int, bool]
"""Whether a size is accepted, while the others are those of the trace."""


@dataclass(frozen=True)
class SizesFound:
    """The result of a search: the sizes that are accepted, by name, and the conditions on several sizes.

    `largest` is the largest size that was tried; `doubt` is the reason why the result may be incomplete.
    """

    accepted: dict[str, Accepted]
    relations: tuple[Predicate, ...]
    largest: int
    doubt: str | None

    @property
    def fixed(self) -> dict[str, str]:
        """The sizes for which the model accepts a single value."""
        sizes = {name: _sizes_in(accepted) for name, accepted in self.accepted.items()}
        return {name: str(numbers[0]) for name, numbers in sizes.items() if len(numbers) == 1}


@dataclass
class Search:
    """Tries single sizes, then pairs; `guards` are the conditions that distinguish them."""

    trials: Trials
    guards: Sequence[Predicate]
    _relations: list[Predicate] = field(default_factory=list)
    _doubts: list[str] = field(default_factory=list)

    def found(self) -> SizesFound:
        """The sizes that the model accepts; runs it some dozens of times."""
        self._find_equations()
        accepted = {name: self._accepted(name) for name in self.trials.hints}
        self._try_pairs(accepted)
        self._try_products(accepted)
        return SizesFound(accepted, tuple(self._relations), self._reach("H"), next(iter(self._doubts), None))

    def _reach(self, name: str) -> int:
        """The largest size that is tried."""
        if name[0] == "N":
            return _LARGEST_BATCH
        return max(_LEAST_LARGEST, 2 * max(self.trials.hints.values(), default=0) + 64)

    def _find_equations(self) -> None:
        """Equations of several sizes, such as `H == W`, without which the model fails and with which it works."""
        for guard in sorted(self.guards, key=lambda guard: len(guard.text)):
            if guard.is_equation and len(guard.names) > 1 and self._is_required(guard):
                ones = [name for name in sorted(guard.names) if self._broadcasts(name, guard)]
                self._relations.append(guard.or_one(ones))

    def _is_required(self, guard: Predicate) -> bool:
        for name, step in product(sorted(guard.names), _STEPS_ASIDE):
            size = self.trials.hints[name] + step
            aside = self._point(name, size, self._relations) if size > 0 else None
            if aside is None or guard.holds(aside):
                continue
            if self.trials.accepts(aside):
                return False
            along = self._point(name, size, [*self._relations, guard])
            if along is not None and self.trials.accepts(along):
                return True
        return False

    def _broadcasts(self, name: str, guard: Predicate) -> bool:
        """Whether the model accepts a size of one although the guard does not hold."""
        point = {**self.trials.hints, name: 1}
        return not guard.holds(point) and self.trials.accepts(point)

    def _point(self, name: str, size: int, relations: Sequence[Predicate]) -> Sizes | None:
        """All sizes, with one changed, and others if relations require it; None if this is impossible."""
        point, moved = {**self.trials.hints, name: size}, {name}
        for relation in relations:
            free = sorted(relation.names - moved)
            if not relation.holds(point) and free:
                value = next(
                    (v for v in self._candidates(free[0], size) if relation.holds({**point, free[0]: v})), None
                )
                point[free[0]] = value if value is not None else point[free[0]]
            moved |= relation.names
        return point if all(relation.holds(point) for relation in relations) else None

    def _candidates(self, name: str, size: int) -> Iterator[int]:
        """Candidate values for a size: this one, then those around the hint."""
        hint = self.trials.hints[name]
        yield size
        yield from sorted(range(1, self._reach(name) + 1), key=lambda value: abs(value - hint))

    def _accepted(self, name: str) -> Accepted:
        """The sizes up to the largest, with whether they are accepted; without sizes that violate a relation."""
        points = {size: self._point(name, size, self._relations) for size in range(1, self._reach(name) + 1)}
        alike: dict[tuple[bool, ...], list[int]] = {}
        for size, point in points.items():
            if point is not None:
                alike.setdefault(tuple(guard.holds(point) for guard in self.guards), []).append(size)
        accepted: Accepted = {}
        for sizes in alike.values():
            accepted.update(zip(sizes, self._results(sizes, [points[size] or {} for size in sizes]), strict=True))
        return dict(sorted(accepted.items()))

    def _results(self, sizes: Sequence[int], points: Sequence[Sizes]) -> Sequence[bool]:
        """The results for a class of sizes: from the first, the last and some between, or more if they differ."""
        last = len(sizes) - 1
        places = sorted({0, last // 2, last, *(place for place, size in enumerate(sizes) if size in _ALWAYS_TRIED)})
        results = [self.trials.accepts(points[0])] * len(sizes)
        for left, right in pairwise(places):
            after = self.trials.accepts(points[right])
            while results[left] != after and right - left > 1:
                middle = (left + right) // 2
                if self.trials.accepts(points[middle]) == results[left]:
                    left = middle
                else:
                    right = middle
            results[right:] = [after] * (len(sizes) - right)
        return results

    def _try_pairs(self, accepted: dict[str, Accepted]) -> None:
        """Check that sizes which are accepted individually are accepted together, or that a guard explains why not."""
        works: list[Sizes] = []
        fails: list[Sizes] = []
        for point in self._pairs(accepted):
            (works if self.trials.accepts(point) else fails).append(point)
        while fails:
            reasons = [g for g in self.guards if len(g.names) > 1 and all(map(g.holds, works))]
            best = max(reasons, key=lambda g: (sum(not g.holds(p) for p in fails), -len(g.text)), default=None)
            if best is None or all(map(best.holds, fails)):
                self._doubts.append(f"it fails at {_changes(fails[0], self.trials.hints)}, and no condition says why")
                return
            self._relations.append(best)
            fails = [point for point in fails if best.holds(point)]

    def _try_products(self, accepted: dict[str, Accepted]) -> None:
        """Try sizes together that are not accepted individually, in case only their product matters."""
        for one, other in permutations(self.trials.hints, 2):
            larger, smaller = 2 * self.trials.hints[one], self.trials.hints[other] // 2
            point = {**self.trials.hints, one: larger, other: smaller}
            if accepted[one].get(larger) is False and smaller > 0 and self.trials.accepts(point):
                self._doubts.append(f"it also works at {_changes(point, self.trials.hints)}")
                return

    def _pairs(self, accepted: dict[str, Accepted]) -> list[Sizes]:
        """Points with two sizes changed, one per class that the guards distinguish."""
        alike: dict[tuple[bool, ...], Sizes] = {}
        for one, other in combinations(accepted, 2):
            for first, second in product(_samples(accepted[one]), _samples(accepted[other])):
                point = {**self.trials.hints, one: first, other: second}
                if all(relation.holds(point) for relation in self._relations):
                    alike.setdefault(tuple(guard.holds(point) for guard in self.guards), point)
        return list(alike.values())[:_MOST_PAIRS]


def _sizes_in(accepted: Accepted) -> list[int]:
    return [size for size, is_accepted in accepted.items() if is_accepted]


def _samples(accepted: Accepted) -> list[int]:
    """Some of the accepted sizes: the smallest, the largest, and a few between."""
    sizes = _sizes_in(accepted)
    return sorted({*sizes[:4], *sizes[:: max(len(sizes) // 6, 1)], *sizes[-1:]})


def _changes(point: Sizes, hints: Sizes) -> str:
    changed = [f"{name} = {size}" for name, size in point.items() if size != hints[name]]
    return " and ".join(changed)
