"""Statements of a loop that its first rounds leave out, and for which the loop runs for further rounds.

`if (epoch + 1) % 10 == 0: evaluate(model)` calls a model in the tenth round only, and `if len(memory) < 64: return`
ends a function before its call of a model until the memory is full.
"""

from __future__ import annotations

import ast
import builtins
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from ..load.definitions import DEFINITIONS, names_bound, names_changed, names_read, receivers, root_of
from ..tensors import parameters_of
from .statement_kinds import changed_by_call

_MOST_ROUNDS = 300
_SECONDS = 3.0  # of processor time, for the further rounds of a loop


class Unplayed:
    """The statements of a file that were not executed yet; `called` are the models that were called by now."""

    def __init__(self, functions: Mapping[str, ast.FunctionDef], own_module: str, called: Sequence[nn.Module]) -> None:
        self._functions = functions
        self._own_module = own_module
        self._called = called
        self._played: set[int] = set()
        self._began: dict[int, float] = {}

    def note(self, statement: ast.stmt) -> None:
        """Record that a statement is executed."""
        self._played.add(id(statement))

    def note_all(self, statement: ast.If) -> None:
        """Record a statement whose condition is unknown, so that another round would choose the same branch."""
        self._played.update(id(part) for part in ast.walk(statement))

    def call_for_round(self, loop: ast.For | ast.While, number: int, names: Mapping[str, Any]) -> bool:
        """Whether a loop should run for another round, after `number` of them: a call of a model may wait for it.

        `names` are those that the loop can read.
        """
        waits = any(self._may_call_a_model(statement, names) for statement in self._waiting(loop))
        if not waits and not _runs_over_models(loop, names) and not self._has_idle_model(loop, names):
            return False
        began = self._began.setdefault(id(loop), time.process_time())
        return number < _MOST_ROUNDS and time.process_time() < began + _SECONDS

    def _has_idle_model(self, loop: ast.For | ast.While, names: Mapping[str, Any]) -> bool:
        """Whether an object whose methods a loop calls has a model that was never called: `agent.learn()`."""
        users = [names[name] for name in receivers(loop) & names.keys()]
        held = [vars(value).values() for value in users if self._is_of_file(value) and not isinstance(value, nn.Module)]
        models = [value for values in held for value in values if isinstance(value, nn.Module)]
        called = set(map(id, self._called))
        return any(id(model) not in called and next(parameters_of(model), None) is not None for model in models)

    def _is_of_file(self, value: Any) -> bool:
        return type(value).__module__ == self._own_module and hasattr(value, "__dict__")

    def _waiting(self, loop: ast.For | ast.While) -> Iterator[ast.stmt]:
        yield from self._left_out(loop.body, _changed_in(loop))
        for function in self._entered(loop, set()):
            own = {argument.arg for argument in function.args.args} | names_bound(function) | _changed_in(loop)
            yield from self._left_out(function.body, own)

    def _left_out(self, body: list[ast.stmt], changing: Container[str]) -> Iterator[ast.stmt]:
        """Statements that were not executed, although the conditions above them may hold in another round."""
        for statement in body:
            if id(statement) not in self._played:
                yield statement
            elif isinstance(statement, ast.If):
                may_change = any(name in changing for name in names_read([statement.test]))
                for branch in (statement.body, statement.orelse):
                    if may_change or any(id(part) in self._played for part in branch):
                        yield from self._left_out(branch, changing)
            elif isinstance(statement, (ast.For, ast.While, ast.With, ast.Try)):
                yield from self._left_out(statement.body, changing)

    def _entered(self, code: ast.AST, seen: set[str]) -> Iterator[ast.FunctionDef]:
        """The functions of the file that some code calls, and that were entered."""
        for name in names_read([code]) & self._functions.keys() - seen:
            function = self._functions[name]
            seen.add(name)
            if function.body and id(function.body[0]) in self._played:
                yield function
                yield from self._entered(function, seen)

    def _may_call_a_model(self, statement: ast.stmt, names: Mapping[str, Any]) -> bool:
        if isinstance(statement, (*DEFINITIONS, ast.Raise)):
            return False
        return any(self._may_be_of_model(part, names) for part in ast.walk(statement) if isinstance(part, ast.Call))

    def _may_be_of_model(self, call: ast.Call, names: Mapping[str, Any]) -> bool:
        root = root_of(call.func)
        if not isinstance(root, ast.Name) or hasattr(builtins, root.id):
            return False
        if root.id not in names:
            return isinstance(call.func, ast.Name)  # a parameter: `def learn(net, memory): ... net(batch)`
        value = names[root.id]
        if isinstance(value, nn.Module):
            return not (isinstance(call.func, ast.Attribute) and hasattr(nn.Module, call.func.attr))
        return root.id in self._functions or self._is_of_file(value)


def _runs_over_models(loop: ast.For | ast.While, names: Mapping[str, Any]) -> bool:
    """Whether each round has another model: `for block in blocks: x = block(x)`."""
    targets = names_bound(loop.target) if isinstance(loop, ast.For) else ()
    return any(isinstance(names.get(name), nn.Module) for name in targets)


def _changed_in(loop: ast.AST) -> frozenset[str]:
    """The names that a loop binds, or whose objects it modifies, also by calls such as `memory.append(x)`."""
    statements = (part for part in ast.walk(loop) if isinstance(part, ast.stmt))
    return names_changed(loop).union(*map(changed_by_call, statements))
