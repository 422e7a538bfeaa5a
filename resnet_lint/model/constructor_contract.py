"""Which arguments a block's addition takes: its constructor run with symbols, once for each way through it.

A run with symbols goes the way that its example takes, and notes what it asked of them on the way: `stride != 1`. The
next example is one that none of the ways so far leads to, until there is a way for each. So a few runs decide about all
arguments tried, and what they asked for are the words of the condition.
"""

from __future__ import annotations

import itertools
import logging
import numbers
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch import nn

from ..shapes.calls import ModuleCall, mapped
from ..shapes.place import Project
from ..shapes.symbolic.any_size import asks_for_sizes
from ..shapes.symbolic.environment import Environment
from ..shapes.symbolic.people import people
from ..shapes.symbolic.recorder import SymbolicRecorder
from ..shapes.trace import Trace, recorded
from .build import uninitialised
from .formula import Point, formula

# nn.LayerNorm asks whether its shape is a number or a sequence.
numbers.Integral.register(torch.SymInt)

# More ways than this through one constructor: its conditions tell numbers, not cases.
_MOST_WAYS = 12
_MOST_SECONDS_A_WAY = 3.0

Make = Callable[[Mapping[str, Any]], nn.Module]
"""Builds the block with some of its arguments as given, numbers or symbols."""


@dataclass(frozen=True)
class Way:
    """A way through a constructor and a forward: what it asks of the arguments, and whether the additions work.

    `any_size` is true where neither an addition nor the code's own branches ask for certain sizes of the input.
    """

    conditions: tuple[sympy.Basic, ...]
    works: bool
    any_size: bool

    def leads_to(self, point: Mapping[sympy.Symbol, int]) -> bool:
        """Whether a block with these arguments goes this way."""
        return all(condition.xreplace(point) == sympy.true for condition in self.conditions)


@dataclass(frozen=True)
class ConstructorContract:
    """The arguments that a block's additions take, among those of a grid: as points, and as a condition in Python.

    `any_size` is true where the sizes of the input do not matter to them.
    """

    names: tuple[str, ...]
    works: tuple[Point, ...]
    fails: tuple[Point, ...]
    condition: str | None
    ways: int
    any_size: bool

    @property
    def proved(self) -> str | None:
        """What may be anything, in words: `cin, stride and the sizes`; None where some arguments fail."""
        if self.fails:
            return None
        first = ", ".join(self.names)
        return f"{first} and the sizes" if self.any_size else first


def contract_of(
    make: Make, grid: Sequence[Point], feed: Callable[[nn.Module], Trace], project: Project
) -> ConstructorContract | None:
    """The contract of a block over a grid of arguments; None where symbols cannot go, as through `range(n)`.

    `feed` traces a block that is built from numbers; a point where it cannot be built, or its trace ends early, is no
    part of the contract. None also where that leaves nothing.
    """
    return _Contracting(make, feed, project).contract(grid)


class _Recorder(SymbolicRecorder):
    """Runs each module: those that were built with symbols cannot be told alike by their attributes."""

    def run(self, call: ModuleCall, forward: Callable[[], Any], args: Any, kwargs: Any) -> Any:
        return forward()


class _Contracting:
    def __init__(self, make: Make, feed: Callable[[nn.Module], Trace], project: Project) -> None:
        self._make = make
        self._feed = feed
        self._project = project
        self._ways: list[Way] = []
        self._names: dict[str, sympy.Symbol] = {}
        self._literals: dict[str, None] = {}

    def contract(self, grid: Sequence[Point]) -> ConstructorContract | None:
        verdicts: list[tuple[Point, bool]] = []
        for point in grid:
            way = self._known_way(point)
            if way is None:
                concrete = self._concrete(point)
                if concrete is None:
                    continue
                way = self._explored(point, concrete)
                if way is None or len(self._ways) > _MOST_WAYS:
                    return None
            verdicts.append((point, way.works))
        if not verdicts:
            return None
        works = tuple(point for point, verdict in verdicts if verdict)
        fails = tuple(point for point, verdict in verdicts if not verdict)
        any_size = all(way.any_size for way in self._ways)
        condition = formula(works, fails, self._words(grid))
        return ConstructorContract(tuple(grid[0]), works, fails, condition, len(self._ways), any_size)

    def _known_way(self, point: Point) -> Way | None:
        values = {self._symbol(name): value for name, value in point.items()}
        return next((way for way in self._ways if way.leads_to(values)), None)

    def _symbol(self, name: str) -> sympy.Symbol:
        return self._names.setdefault(name, sympy.Symbol(name, integer=True, positive=True))

    def _concrete(self, point: Point) -> Trace | None:
        """A trace of the block with these numbers, which fails at additions alone; None where that is not so."""
        try:
            trace = self._feed(self._make(point))
        except Exception:  # whatever the user's constructor makes of these numbers
            return None
        return trace if trace.complete and all(fault.kind == "addition" for fault in trace.faults) else None

    def _explored(self, point: Point, concrete: Trace) -> Way | None:
        """The way that a block goes with these numbers, run with symbols; None where that shows something else."""
        logging.getLogger("torch._subclasses.fake_tensor").setLevel(
            logging.CRITICAL
        )  # it logs each addition that fails
        environment = Environment()
        symbols = {name: environment.integer(name, value) for name, value in point.items()}
        names = {environment.expression(symbol): self._symbol(name) for name, symbol in symbols.items()}
        try:
            with environment.active(), torch.device("meta"), uninitialised():
                module = self._make(symbols).eval()
            trace = self._trace(module, concrete, symbols, environment)
            conditions = tuple(self._conditions(environment, names))
        except Exception:  # whatever the user's code makes of a symbol
            return None
        if not trace.complete or bool(trace.faults) != bool(concrete.faults):
            return None
        way = Way(conditions, not trace.faults, not asks_for_sizes(trace, environment.guards, names.keys()))
        self._ways.append(way)
        return way

    def _trace(self, module: nn.Module, concrete: Trace, symbols: Mapping[str, Any], environment: Environment) -> Trace:
        # Of equal arguments the first counts, which is the one for what comes in.
        by_value = {environment.hint(symbol): symbol for symbol in reversed(list(symbols.values()))}

        def symbolic(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            batch, *rest = value.shape
            sizes = [environment.integer(f"size{next(number)}", batch)]
            sizes += [by_value.get(size) or environment.integer(f"size{next(number)}", size) for size in rest]
            return environment.empty(sizes, value.dtype)

        ends = time.process_time() + _MOST_SECONDS_A_WAY
        number = itertools.count()
        args, kwargs = mapped((concrete.args, concrete.kwargs), symbolic)
        recorder = _Recorder(module, self._project, concrete.preferred_branch, environment, ends)
        with environment.active():
            return recorded(module, args, kwargs, self._project, concrete.preferred_branch, recorder=recorder)

    def _conditions(
        self, environment: Environment, names: Mapping[sympy.Symbol, sympy.Symbol]
    ) -> Iterator[sympy.Basic]:
        """What the run asked of the arguments, at the sizes of its input; `names` are theirs, by the run's symbols."""
        for guard in environment.guards:
            sizes = {symbol: sympy.Integer(environment.number(symbol)) for symbol in guard.free_symbols - names.keys()}
            condition = guard.xreplace({**names, **sizes})
            if condition.free_symbols:
                yield condition
                for each in (condition, sympy.Not(condition)):
                    self._literals[people(each, {symbol: name for name, symbol in self._names.items()})] = None

    def _words(self, grid: Sequence[Point]) -> Iterator[str]:
        """What a condition may be made of: what is usual, then what the runs asked for."""
        names = list(grid[0])
        for sign in ("==", "!="):
            yield from (f"{one} {sign} {other}" for one, other in itertools.combinations(names, 2))
            yield from (f"{name} {sign} 1" for name in names)
        yield from (f"{name} % 2 == 1" for name in names)
        yield from self._literals
