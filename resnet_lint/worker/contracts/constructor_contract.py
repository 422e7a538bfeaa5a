"""Which arguments a block's addition takes: its constructor run with symbols, once for each way through it.

A run with symbols goes the way that its example takes, and notes what it asked of them on the way: `stride != 1`. The
next example is one that none of the ways so far leads to, until there is a way for each. So a few runs decide about all
arguments tried, and what they asked for are the words of the condition. Where the code compares an argument with a
number, as in `cout > 200`, blocks on both sides of it have a say too.
"""

from __future__ import annotations

import itertools
import logging
import numbers
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch import nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.source_places import Project

from ..build.build import build, uninitialised
from ..sizes.print_sizes import size_text
from ..symbolic.symbolic_recorder import SymbolicRecorder
from ..symbolic.symbols import Environment
from ..tensors import mapped
from ..tracer.trace import Trace, recorded
from .all_sizes import asks_for_sizes
from .shortest_condition import Point, formula

# nn.LayerNorm asks whether its shape is a number or a sequence.
numbers.Integral.register(torch.SymInt)
# It logs each addition that fails.
logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)

# More ways than this through one constructor: its conditions tell numbers, not cases.
_MOST_WAYS = 12
_MOST_SECONDS_A_WAY = 3.0
# More arguments than this that lead other ways than those of the grid: what it shows is not the whole.
_MOST_OTHERS = 24
# Comparisons with numbers up to this tell strides apart, and what has one channel, which a grid shows or nobody builds.
_SMALL = 2

Make = Callable[[Mapping[str, Any]], nn.Module]
"""Builds the block with some of its arguments as given, numbers or symbols."""


@dataclass(frozen=True)
class Way:
    """A way through a constructor and a forward: what it asks of the arguments, and whether the additions work.

    `any_size` is true where nothing on it asks for certain sizes of the input.
    """

    conditions: tuple[sympy.Basic, ...]
    works: bool
    any_size: bool

    def leads_to(self, point: Mapping[sympy.Symbol, int]) -> bool:
        """Whether a block with these arguments goes this way."""
        try:
            return all(condition.xreplace(point) == sympy.true for condition in self.conditions)
        except ArithmeticError:  # a division by zero
            return False


@dataclass(frozen=True)
class ConstructorContract:
    """The arguments that a block's additions take, among those of a grid: as points, and as a condition in Python.

    `proved` says in words what may be anything, `cin, stride and the sizes`; it is None where some arguments fail. Both
    are None where the grid does not show all that the block does.
    """

    names: tuple[str, ...]
    works: tuple[Point, ...]
    fails: tuple[Point, ...]
    condition: str | None
    proved: str | None


def constructor_contract(
    make: Make, grid: Sequence[Point], feed: Callable[[nn.Module], Trace], project: Project
) -> ConstructorContract | None:
    """The contract of a block over a grid of arguments.

    `feed` traces a block that is built from numbers; a point where it cannot be built, or its trace ends early, is no
    part of the contract. None where symbols cannot go, as through `range(n)`, or where that leaves no point.
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
        self._numbers: set[tuple[str, int]] = set()

    def contract(self, grid: Sequence[Point]) -> ConstructorContract | None:
        try:
            known = [(point, way.works) for point in grid if (way := self._way(point)) is not None]
        except _NoWay:
            return None
        if not known:
            return None
        others = self._others(grid)
        verdicts = [*known, *others]
        works, fails = (tuple(point for point, verdict in verdicts if verdict is wanted) for wanted in (True, False))
        names, told = tuple(grid[0]), len(others) < _MOST_OTHERS
        condition = formula(works, fails, self._words(grid)) if told else None
        proved = self._proved(names) if told and len(known) == len(grid) and not fails else None
        return ConstructorContract(names, works, fails, condition, proved)

    def _others(self, grid: Sequence[Point]) -> list[tuple[Point, bool]]:
        """Whether the additions work at points that no known way leads to, built from numbers."""
        new = (point for point in self._at_the_borders(grid) if self._known_way(point) is None)
        traces = ((point, self._concrete(point)) for point in new)
        verdicts = ((point, not trace.faults) for point, trace in traces if trace is not None)
        return list(itertools.islice(verdicts, _MOST_OTHERS))

    def _at_the_borders(self, grid: Sequence[Point]) -> Iterator[Point]:
        """The points of the grid with one argument next to a number that the code holds it against: `cout > 200`."""
        seen: list[Point] = []
        for name, number in sorted(self._numbers):
            for point, value in itertools.product(grid, (number - 1, number, number + 1)):
                beside = {**point, name: value}
                if beside not in seen:
                    seen.append(beside)
                    yield beside

    def _proved(self, names: Sequence[str]) -> str:
        text = ", ".join(names)
        return f"{text} and the sizes" if all(way.any_size for way in self._ways) else text

    def _way(self, point: Point) -> Way | None:
        """The way that a block with these arguments goes; None where it cannot be built or traced."""
        known = self._known_way(point)
        concrete = self._concrete(point) if known is None else None
        return self._explored(point, concrete) if concrete is not None else known

    def _known_way(self, point: Point) -> Way | None:
        values = {self._symbol(name): value for name, value in point.items()}
        return next((way for way in self._ways if way.leads_to(values)), None)

    def _symbol(self, name: str) -> sympy.Symbol:
        return self._names.setdefault(name, sympy.Symbol(name, integer=True, positive=True))

    def _concrete(self, point: Point) -> Trace | None:
        """A trace of the block with these numbers, which fails at additions alone; None where that is not so."""
        try:
            trace = self._feed(build(lambda: self._make(point)))
        except Exception:  # whatever the user's constructor makes of these numbers
            return None
        return trace if trace.complete and all(fault.kind == "addition" for fault in trace.faults) else None

    def _explored(self, point: Point, concrete: Trace) -> Way:
        """The way that a block goes with these numbers, run with symbols."""
        environment = Environment()
        symbols = {name: environment.integer(name, value) for name, value in point.items()}
        names = {environment.expression(symbol): self._symbol(name) for name, symbol in symbols.items()}
        try:
            with environment.active(), torch.device("meta"), uninitialised():
                module = self._make(symbols).eval()
            trace = self._trace(module, concrete, symbols, environment)
            conditions = tuple(self._conditions(environment, names))
        except Exception as error:  # whatever the user's code makes of a symbol
            raise _NoWay from error
        if not trace.complete or bool(trace.faults) != bool(concrete.faults) or len(self._ways) == _MOST_WAYS:
            raise _NoWay
        way = Way(conditions, not trace.faults, not asks_for_sizes(environment.guards, names.keys()))
        self._ways.append(way)
        return way

    def _trace(self, module: nn.Module, concrete: Trace, symbols: Mapping[str, Any], environment: Environment) -> Trace:
        # Of equal arguments the first counts, which is the one for what comes in.
        by_value = {environment.hint(symbol): symbol for symbol in reversed(list(symbols.values()))}

        def symbolic(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            # A batch of one is two, as torch treats one in its own way.
            hints = [max(size, 2) if axis == 0 else size for axis, size in enumerate(value.shape)]
            sizes = [environment.integer(f"size{next(number)}", size) for size in hints]
            channels = _channel_axis(value.shape, by_value.keys())
            if channels is not None:
                sizes[channels] = by_value[value.shape[channels]]
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
        texts = {symbol: name for name, symbol in self._names.items()}
        for guard in environment.guards:
            sizes = {symbol: sympy.Integer(environment.number(symbol)) for symbol in guard.free_symbols - names.keys()}
            condition = guard.xreplace({**names, **sizes})
            if condition.free_symbols:
                yield condition
                for each in (condition, sympy.Not(condition)):
                    self._literals[size_text(each, texts)] = None
            for symbol, number in itertools.permutations(() if sizes else condition.args, 2):
                if symbol.is_Symbol and number.is_Integer and number > _SMALL:
                    self._numbers.add((texts[symbol], int(number)))

    def _words(self, grid: Sequence[Point]) -> Iterator[str]:
        """What a condition may be made of: what is usual, then what the runs asked for."""
        names = list(grid[0])
        for sign in ("==", "!="):
            yield from (f"{one} {sign} {other}" for one, other in itertools.combinations(names, 2))
            yield from (f"{name} {sign} 1" for name in names)
        yield from (f"{name} % 2 == 1" for name in names)
        yield from self._literals


def _channel_axis(shape: Sequence[int], channels: Collection[int]) -> int | None:
    """Which axis of an input counts channels: the second, or else the last; None where neither has such a size."""
    return next((axis for axis in (1, -1) if len(shape) > 1 and shape[axis] in channels), None)


class _NoWay(Exception):
    """Symbols cannot go through a block, or go other ways than numbers."""
