"""Derives the arguments that the additions of a block accept, by concolic execution of its constructor and forward.

A symbolic run follows the path of one example, and records the conditions on its arguments as the path condition:
`stride != 1`. The next example is one that no path covers, until all are covered. So a few runs decide about all
arguments, and the result is expressed in terms of the path conditions. If the code compares an argument with a number,
as in `cout > 200`, blocks on both sides of this number are tried too.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch import nn

from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace

from ..build.build import build, uninitialised
from ..sizes.print_sizes import size_text
from ..symbolic.symbolic_recorder import SymbolicRecorder
from ..symbolic.symbols import Environment
from ..tensors import mapped
from ..torch_quirks.symbolic_integers import symbolic_integers
from ..tracer.evaluation_mode import evaluation_mode
from ..tracer.trace import recorded
from .all_sizes import requires_sizes
from .shortest_condition import Point, shortest_condition

# With more paths than this, the conditions are about single numbers, not about cases.
_MOST_PATHS = 12
_MOST_SECONDS_A_PATH = 3.0
# With more uncovered arguments than this, the grid is not representative.
_MOST_OTHERS = 24
# Comparisons with numbers up to this are about strides or single channels, which the grid covers.
_SMALL = 2

Make = Callable[[Mapping[str, Any]], nn.Module]
"""Constructs the block with some of its arguments, numbers or symbols."""


@dataclass(frozen=True)
class Path:
    """A path through a constructor and a forward: its conditions on the arguments, and whether the additions work.

    `any_size` is whether it has no conditions on the input sizes.
    """

    conditions: tuple[sympy.Basic, ...]
    works: bool
    any_size: bool

    def covers(self, point: Mapping[sympy.Symbol, int]) -> bool:
        """Whether a block with these arguments takes this path."""
        try:
            return all(condition.xreplace(point) == sympy.true for condition in self.conditions)
        except ArithmeticError:  # a division by zero
            return False


@dataclass(frozen=True)
class ConstructorContract:
    """The arguments in a grid that a block's additions accept: as points, and as a Python condition.

    `proved` lists what may have any value, `cin, stride and input size`; it is None if some arguments fail. Both are
    None if the grid does not cover the behaviour of the block.
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

    `feed` traces a block that is constructed from numbers; points where it cannot be constructed, or its trace ends
    early, are ignored. None if the code does not accept symbols, as in `range(n)`, or no points remain.
    """
    with symbolic_integers():
        return _Paths(make, feed, project).contract(grid)


class _Recorder(SymbolicRecorder):
    """Runs all modules: the attributes of modules that were constructed with symbols cannot be compared."""

    def run(self, call: ModuleCall, forward: Callable[[], Any], args: Any, kwargs: Any) -> Any:
        return forward()


class _Paths:
    """The known paths through a block, and the resulting contract."""

    def __init__(self, make: Make, feed: Callable[[nn.Module], Trace], project: Project) -> None:
        self._make = make
        self._feed = feed
        self._project = project
        self._paths: list[Path] = []
        self._names: dict[str, sympy.Symbol] = {}
        self._literals: dict[str, None] = {}
        self._numbers: set[tuple[str, int]] = set()

    def contract(self, grid: Sequence[Point]) -> ConstructorContract | None:
        try:
            known = [(point, path.works) for point in grid if (path := self._path(point)) is not None]
        except _NotSymbolicError:
            return None
        if not known:
            return None
        others = self._others(grid)
        verdicts = [*known, *others]
        works, fails = (tuple(point for point, verdict in verdicts if verdict is wanted) for wanted in (True, False))
        names, is_complete = tuple(grid[0]), len(others) < _MOST_OTHERS
        condition = shortest_condition(works, fails, self._candidate_literals(grid)) if is_complete else None
        proved = self._proved(names) if is_complete and len(known) == len(grid) and not fails else None
        return ConstructorContract(names, works, fails, condition, proved)

    def _others(self, grid: Sequence[Point]) -> list[tuple[Point, bool]]:
        """Whether the additions work at points that no known path covers, constructed from numbers."""
        new = (point for point in self._near_limits(grid) if self._known_path(point) is None)
        traces = ((point, self._concrete(point)) for point in new)
        verdicts = ((point, not trace.faults) for point, trace in traces if trace is not None)
        return list(itertools.islice(verdicts, _MOST_OTHERS))

    def _near_limits(self, grid: Sequence[Point]) -> Iterator[Point]:
        """The points of the grid with one argument next to a number that the code compares it with: `cout > 200`."""
        done: list[Point] = []
        for name, number in sorted(self._numbers):
            for point, value in itertools.product(grid, (number - 1, number, number + 1)):
                beside = {**point, name: value}
                if beside not in done:
                    done.append(beside)
                    yield beside

    def _proved(self, names: Sequence[str]) -> str:
        text = ", ".join(names)
        return f"{text} and input size" if all(path.any_size for path in self._paths) else text

    def _path(self, point: Point) -> Path | None:
        """The path of a block with these arguments; None if it cannot be constructed or traced."""
        known = self._known_path(point)
        concrete = self._concrete(point) if known is None else None
        return self._explored(point, concrete) if concrete is not None else known

    def _known_path(self, point: Point) -> Path | None:
        values = {self._symbol(name): value for name, value in point.items()}
        return next((path for path in self._paths if path.covers(values)), None)

    def _symbol(self, name: str) -> sympy.Symbol:
        return self._names.setdefault(name, sympy.Symbol(name, integer=True, positive=True))

    def _concrete(self, point: Point) -> Trace | None:
        """A trace of the block with these numbers; None if it fails anywhere but at additions."""
        try:
            trace = self._feed(build(lambda: self._make(point)))
        except Exception:  # the user's constructor may raise any exception
            return None
        return trace if trace.complete and all(fault.kind == "addition" for fault in trace.faults) else None

    def _explored(self, point: Point, concrete: Trace) -> Path:
        """The path of a block with these numbers, run with symbols."""
        environment = Environment()
        symbols = {name: environment.integer(name, value) for name, value in point.items()}
        names = {environment.expression(symbol): self._symbol(name) for name, symbol in symbols.items()}
        try:
            with environment.active(), torch.device("meta"), uninitialised():
                module = evaluation_mode(self._make(symbols))
            trace = self._trace(module, concrete, symbols, environment)
            conditions = tuple(self._conditions(environment, names))
        except Exception as error:  # the user's code may raise any exception for symbols
            raise _NotSymbolicError from error
        if not trace.complete or bool(trace.faults) != bool(concrete.faults) or len(self._paths) == _MOST_PATHS:
            raise _NotSymbolicError
        path = Path(conditions, not trace.faults, not requires_sizes(environment.guards, names.keys()))
        self._paths.append(path)
        return path

    def _trace(self, module: nn.Module, concrete: Trace, symbols: Mapping[str, Any], environment: Environment) -> Trace:
        # If arguments are equal, use the first one, the input channels.
        by_value = {environment.hint(symbol): symbol for symbol in reversed(list(symbols.values()))}

        def symbolic(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            # Replace a batch of one by two, because torch treats one specially.
            hints = [max(size, 2) if axis == 0 else size for axis, size in enumerate(value.shape)]
            sizes = [environment.integer(f"size{next(number)}", size) for size in hints]
            channels = _channel_axis(value.shape, by_value.keys())
            if channels is not None:
                sizes[channels] = by_value[value.shape[channels]]
            return environment.empty(sizes, value.dtype)

        ends = time.process_time() + _MOST_SECONDS_A_PATH
        number = itertools.count()
        args, kwargs = mapped((concrete.args, concrete.kwargs), symbolic)
        recorder = _Recorder(module, self._project, concrete.preferred_branch, environment, ends)
        with environment.active():
            return recorded(module, args, kwargs, self._project, concrete.preferred_branch, recorder=recorder)

    def _conditions(
        self, environment: Environment, names: Mapping[sympy.Symbol, sympy.Symbol]
    ) -> Iterator[sympy.Basic]:
        """The conditions of a run on the arguments, at its input sizes; `names` maps its symbols to shared ones."""
        texts = {symbol: name for name, symbol in self._names.items()}
        for guard in environment.guards:
            sizes = {symbol: sympy.Integer(environment.number(symbol)) for symbol in guard.free_symbols - names.keys()}
            condition = guard.xreplace({**names, **sizes})
            if condition.free_symbols:
                yield condition
                for literal in (condition, sympy.Not(condition)):
                    self._literals[size_text(literal, texts)] = None
            for symbol, number in itertools.permutations(() if sizes else condition.args, 2):
                if symbol.is_Symbol and number.is_Integer and number > _SMALL:
                    self._numbers.add((texts[symbol], int(number)))

    def _candidate_literals(self, grid: Sequence[Point]) -> Iterator[str]:
        """The literals for the condition: common ones, then the path conditions."""
        names = list(grid[0])
        for sign in ("==", "!="):
            yield from (f"{one} {sign} {other}" for one, other in itertools.combinations(names, 2))
            yield from (f"{name} {sign} 1" for name in names)
        yield from (f"{name} % 2 == 1" for name in names)
        yield from self._literals


def _channel_axis(shape: Sequence[int], channels: Collection[int]) -> int | None:
    """The channel axis of an input: the second, or else the last one; None if neither has such a size."""
    return next((axis for axis in (1, -1) if len(shape) > 1 and shape[axis] in channels), None)


class _NotSymbolicError(Exception):
    """A block does not accept symbols, or takes different paths with symbols than with numbers."""
