"""Runs the loops of a user's script: their first rounds, the last one, and those that a call of a model waits for."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from itertools import count
from types import ModuleType

import torch
from torch import nn

from ..load.definitions import names_changed
from ..outside import OUTSIDE
from .doubt import Doubt
from .launchers import launches
from .leaving import LeftError
from .loop_values import MOST_LITERAL, LoopValues, runs_to_its_end, values_written_out
from .statement_kinds import changed_by_call, gathers, names_called
from .statement_runner import StatementRunner
from .unplayed import Unplayed


class LoopPlayer(StatementRunner):
    """Runs loops."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._functions = self._callees.functions
        self._unplayed = Unplayed(self._functions, self._loaded.module.__name__, self._called)

    @abstractmethod
    def play(self, body: list[ast.stmt]) -> None:
        """Run statements one by one."""

    @abstractmethod
    def _choose(self, statement: ast.If) -> bool:
        """Run a branch of a statement; returns its condition."""

    def _rounds(self, loop: ast.For) -> None:
        """Run all iterations of a loop that collects, as with `layers.append(...)`; of other loops, only the first one.

        A few more are run for literal values, as in `for size in (128, 101)` and `range(3)`, and more for the calls
        that wait for a later iteration. Names that the skipped iterations may change, as in `for layer in layers:
        x = layer(x)`, are in doubt after the loop.
        """
        if gathers(loop) and not launches(loop, self._functions):
            if self._calls_a_model(loop):
                self._gather(loop)
            elif not self._run(loop) or self._mode.has_left_out:
                self._suspect(loop, self._carried_by(loop))
            return
        written_out = values_written_out(loop)
        values = LoopValues(loop, self._namespace, self._loaded.project.root, self._mode)
        for number, value in enumerate(written_out or self._values(loop, values), 1):
            failures = self.failures
            if not self._round(loop, value):
                break
            is_literal = number < min(len(written_out), MOST_LITERAL) or self._are_few(loop, values)
            if not is_literal and not self._goes_on(loop, number, failures):
                if self.failures == failures and runs_to_its_end(loop):
                    self._last_round(loop, values)
                break
        else:
            return
        if not 0 < len(written_out) <= MOST_LITERAL:
            self._suspect(loop, self._changed_in(loop) | self._carried_by(loop))

    def _calls_a_model(self, loop: ast.For) -> bool:
        """Whether a loop calls a model, or a function of the file that evaluates or trains one."""
        called = [self._namespace.get(name) for name in names_called(loop)]
        held = [
            getattr(owner, "__dict__", {}).get(name)
            for call in ast.walk(loop)
            if isinstance(call, ast.Call)
            for owner, name in self._attributes(call.func, ast.Load)
            if self._callees.is_own(owner)
        ]
        return any(isinstance(value, nn.Module) for value in (*called, *held)) or self._callees.trains(loop)

    def _are_few(self, loop: ast.For, values: LoopValues) -> bool:
        """Whether all rounds that are left can be run: they are few, and none trains or starts processes."""
        return values.are_few and not self._callees.trains(loop) and not launches(loop, self._functions)

    def _gather(self, loop: ast.For) -> None:
        """Run a loop that gathers what a model returns; the first and the last round statement by statement.

        So `hits += (model(x).argmax(1) == y).sum().item()`, a number that is unknown, puts nothing but `hits` in doubt.
        """
        values = LoopValues(loop, self._namespace, self._loaded.project.root, self._mode)
        failures = self.failures
        if not self._round(loop, values.first) or self.failures > failures:
            return
        if runs_to_its_end(loop):
            self._last_round(loop, values)
        left = values.rest if values.rest in self._namespace else values.name
        rest = ast.For(loop.target, ast.Name(left, ast.Load()), loop.body, [])
        is_run = not values.are_many and self._run(ast.fix_missing_locations(ast.copy_location(rest, loop)))
        if not is_run or self._mode.has_left_out:
            self._suspect(loop, self._carried_by(loop))

    def _round(self, loop: ast.For, value: ast.expr) -> bool:
        """Run a loop for one value; returns whether it goes on after that."""
        assigned = ast.copy_location(ast.Assign([loop.target], value), loop.iter)
        try:
            if self._run(ast.fix_missing_locations(assigned)):
                self.play(loop.body)
        except LeftError as left:
            return left.by is not ast.Break
        return True

    def _values(self, loop: ast.For, values: LoopValues) -> Iterator[ast.expr]:
        """The values of a loop, one after the other; if one can't be computed, the names of the loop are in doubt."""
        yield values.first
        with suppress(StopIteration):
            while values.take():
                yield values.next
            self._suspect(loop, self._changed_in(loop))

    def _last_round(self, loop: ast.For, values: LoopValues) -> None:
        """Run a loop also for the last, smaller batch or slice, which `torch.zeros(1, batch_size, width)` does not fit.

        The rounds before were skipped, so what they change is in doubt, such as a position in the data.
        """
        carried = self._carried_by(loop)
        kept = {name: self._namespace[name] for name in carried & self._namespace.keys()}
        self._mode.begin()
        try:
            is_sure = not self.doubt_of(values.name) and values.take_last() and not self.doubt
            if is_sure:
                lists = {name: copy(value) for name, value in kept.items() if isinstance(value, (list, dict, set))}
                self._namespace.update(lists)
                with self._doubts.supposed(carried, Doubt.UNKNOWN), self._attributes_carried(loop):
                    self._round(loop, values.next)
        finally:
            OUTSIDE.last_round = None
            self._namespace.update(kept)

    @contextmanager
    def _attributes_carried(self, loop: ast.For) -> Iterator[None]:
        """Inside the with block, what a loop sets, such as `self.position`, is in doubt; after it, it is as before."""
        before = dict(self._of_attributes)
        values = [
            (vars(owner), name, vars(owner)[name])
            for owner, name in self._attributes(loop, ast.Store)
            if self._callees.is_own(owner) and name in getattr(owner, "__dict__", {})
        ]
        self._suspect(loop, ())
        try:
            yield
        finally:
            self._of_attributes = before
            for attributes, name, value in values:
                attributes[name] = value

    def _carried_by(self, loop: ast.For) -> set[str]:
        """The names that a round may leave changed for the next one, but for models and optimizers."""
        statements = [part for part in ast.walk(loop) if isinstance(part, ast.stmt)]
        names = self._changed_in(loop).union(*map(changed_by_call, statements))
        kinds = (nn.Module, torch.optim.Optimizer)
        values = {name: self._namespace.get(name) for name in names}
        return {name for name, value in values.items() if not (isinstance(value, kinds) or self._callees.is_own(value))}

    def _goes_on(self, loop: ast.For | ast.While, rounds: int, failures: int) -> bool:
        """Whether a loop needs another round: its last one succeeded, and left out a call of a model."""
        return self.failures == failures and self._unplayed.call_for_round(loop, rounds, self._namespace)

    def _while(self, loop: ast.While) -> None:
        """Run the first rounds of a `while` loop, while its condition holds; changed names are in doubt after it."""
        for number in count(1):
            failures = self.failures
            try:
                holds = self._choose(ast.copy_location(ast.If(loop.test, loop.body, []), loop))
            except LeftError as left:
                holds = left.by is ast.Continue
            if not holds or not self._goes_on(loop, number, failures):
                break
        self._suspect(loop, self._changed_in(loop))

    def _changed_in(self, loop: ast.stmt) -> set[str]:
        """The names that a loop binds, or whose objects it modifies by assignments."""
        return self._but_modules(names_changed(loop))

    def _but_modules(self, names: frozenset[str]) -> set[str]:
        return {name for name in names if not isinstance(self._namespace.get(name), ModuleType)}
