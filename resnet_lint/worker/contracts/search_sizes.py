"""Which sizes a model takes: a few runs for each kind of size that the guards of its trace tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise, permutations, product

from ..sizes.compiled_sizes import Predicate
from .try_sizes import Oracle, Sizes

# Run whatever the guards say: where layers run out of pixels, and odd sizes.
_TRIED = frozenset((1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65))
_LEAST_LARGEST = 320
_LARGEST_BATCH = 16
_STEPS_ASIDE = (1, 2, 3, 32, -1)
_MOST_TOGETHER = 40

Taken = dict[int, bool]
"""Whether each size is taken, while the others are what they were."""


@dataclass(frozen=True)
class Found:
    """What a search found: by name which sizes are taken, the equations and the like between several, and a doubt."""

    taken: dict[str, Taken]
    relations: tuple[Predicate, ...]
    largest: int
    doubt: str | None

    @property
    def fixed(self) -> dict[str, str]:
        """The sizes of which the model wants one value."""
        wanted = {name: [size for size, is_taken in taken.items() if is_taken] for name, taken in self.taken.items()}
        return {name: str(sizes[0]) for name, sizes in wanted.items() if len(sizes) == 1}


@dataclass
class Search:
    """Looks at each size alone, then at two together; `guards` are the conditions that tell sizes apart."""

    oracle: Oracle
    guards: Sequence[Predicate]
    _relations: list[Predicate] = field(default_factory=list)
    _doubts: list[str] = field(default_factory=list)

    def found(self) -> Found:
        self._find_equations()
        taken = {name: self._taken(name) for name in self.oracle.hints}
        self._look_at_two(taken)
        self._look_at_products(taken)
        return Found(taken, tuple(self._relations), self._reach("H"), next(iter(self._doubts), None))

    def _reach(self, name: str) -> int:
        """The largest size to be looked at."""
        return (
            _LARGEST_BATCH
            if name[0] == "N"
            else max(_LEAST_LARGEST, 2 * max(self.oracle.hints.values(), default=0) + 64)
        )

    def _find_equations(self) -> None:
        """Equations of several sizes, such as `H == W`, that the model wants: off the line it fails, on it it works."""
        for guard in sorted(self.guards, key=lambda guard: len(guard.text)):
            if guard.is_equation and len(guard.names) > 1 and self._is_wanted(guard):
                ones = [name for name in sorted(guard.names) if self._broadcasts(name, guard)]
                self._relations.append(guard.or_one(ones))

    def _is_wanted(self, guard: Predicate) -> bool:
        for name, step in product(sorted(guard.names), _STEPS_ASIDE):
            size = self.oracle.hints[name] + step
            aside = self._point(name, size, self._relations) if size > 0 else None
            if aside is None or guard.holds(aside):
                continue
            if self.oracle.takes(aside):
                return False
            along = self._point(name, size, [*self._relations, guard])
            if along is not None and self.oracle.takes(along):
                return True
        return False

    def _broadcasts(self, name: str, guard: Predicate) -> bool:
        """Whether the model takes a size of one against the guard."""
        point = {**self.oracle.hints, name: 1}
        return not guard.holds(point) and self.oracle.takes(point)

    def _point(self, name: str, size: int, relations: Sequence[Predicate]) -> Sizes | None:
        """All sizes, one of them changed, and others with it where relations ask for that; None where nothing helps."""
        point, moved = {**self.oracle.hints, name: size}, {name}
        for relation in relations:
            free = sorted(relation.names - moved)
            if not relation.holds(point) and free:
                value = next((v for v in self._near(free[0], size) if relation.holds({**point, free[0]: v})), None)
                point[free[0]] = value if value is not None else point[free[0]]
            moved |= relation.names
        return point if all(relation.holds(point) for relation in relations) else None

    def _near(self, name: str, size: int) -> Iterator[int]:
        """Sizes to be tried: this one, then those around the hint."""
        hint = self.oracle.hints[name]
        yield size
        yield from sorted(range(1, self._reach(name) + 1), key=lambda value: abs(value - hint))

    def _taken(self, name: str) -> Taken:
        """Whether each size is taken; those that the relations leave no way to are left out."""
        points = {size: self._point(name, size, self._relations) for size in range(1, self._reach(name) + 1)}
        alike: dict[tuple[bool, ...], list[int]] = {}
        for size, point in points.items():
            if point is not None:
                alike.setdefault(tuple(guard.holds(point) for guard in self.guards), []).append(size)
        answers: Taken = {}
        for sizes in alike.values():
            answers.update(zip(sizes, self._answers(sizes, [points[size] or {} for size in sizes]), strict=True))
        return dict(sorted(answers.items()))

    def _answers(self, sizes: Sequence[int], points: Sequence[Sizes]) -> Sequence[bool]:
        """The answers for sizes of one kind: the first, the last and some between; more where these do not agree."""
        last = len(sizes) - 1
        places = sorted({0, last // 2, last, *(place for place, size in enumerate(sizes) if size in _TRIED)})
        answers = [self.oracle.takes(points[0])] * len(sizes)
        for left, right in pairwise(places):
            after = self.oracle.takes(points[right])
            while answers[left] != after and right - left > 1:
                middle = (left + right) // 2
                left, right = (middle, right) if self.oracle.takes(points[middle]) == answers[left] else (left, middle)
            answers[right:] = [after] * (len(sizes) - right)
        return answers

    def _look_at_two(self, taken: dict[str, Taken]) -> None:
        """Sizes that are taken one by one have to be taken together; or else a guard says why they are not."""
        works: list[Sizes] = []
        fails: list[Sizes] = []
        for point in self._pairs(taken):
            (works if self.oracle.takes(point) else fails).append(point)
        while fails:
            reasons = [g for g in self.guards if len(g.names) > 1 and all(map(g.holds, works))]
            best = max(reasons, key=lambda g: (sum(not g.holds(p) for p in fails), -len(g.text)), default=None)
            if best is None or all(map(best.holds, fails)):
                self._doubts.append(f"it fails at {_written(fails[0], self.oracle.hints)}, and no condition says why")
                return
            self._relations.append(best)
            fails = [point for point in fails if best.holds(point)]

    def _look_at_products(self, taken: dict[str, Taken]) -> None:
        """Sizes that are not taken one by one may be taken together, as where only their product counts."""
        for one, other in permutations(self.oracle.hints, 2):
            larger, smaller = 2 * self.oracle.hints[one], self.oracle.hints[other] // 2
            point = {**self.oracle.hints, one: larger, other: smaller}
            if taken[one].get(larger) is False and smaller > 0 and self.oracle.takes(point):
                self._doubts.append(f"it also works at {_written(point, self.oracle.hints)}")
                return

    def _pairs(self, taken: dict[str, Taken]) -> list[Sizes]:
        """Points with two sizes changed, one for each kind that the guards tell apart."""
        alike: dict[tuple[bool, ...], Sizes] = {}
        for one, other in combinations(taken, 2):
            for first, second in product(_samples(taken[one]), _samples(taken[other])):
                point = {**self.oracle.hints, one: first, other: second}
                if all(relation.holds(point) for relation in self._relations):
                    alike.setdefault(tuple(guard.holds(point) for guard in self.guards), point)
        return list(alike.values())[:_MOST_TOGETHER]


def _samples(taken: Taken) -> list[int]:
    """Some of the sizes that are taken: the smallest, the largest, and a few between."""
    sizes = [size for size, is_taken in taken.items() if is_taken]
    return sorted({*sizes[:4], *sizes[:: max(len(sizes) // 6, 1)], *sizes[-1:]})


def _written(point: Sizes, hints: Sizes) -> str:
    changed = [f"{name} = {size}" for name, size in point.items() if size != hints[name]]
    return " and ".join(changed)
