"""Records which classes the traces of a file cover, in the file itself and in the rest of its project."""

from __future__ import annotations

import sys
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal

from torch import nn

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.reports import Covered
from resnet_lint.shared.records.requests import Target

from ..load.classes import ModelClass
from ..load.load import Loaded


@dataclass(frozen=True)
class NotChecked:
    """Why a class was not checked, with the constructor call and inputs that got furthest."""

    stage: Literal["build", "trace"]
    reason: str
    call: str | None = None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fed:
    """The inputs of a model in the syntax of `--input`, and their origin."""

    inputs: str
    origin: str


class Coverage:
    """How each class of the file was covered (`how`), or why its construction or trace failed (`failures`).

    `contradicted` are the classes whose specified constructor call or inputs fail; guesses must not hide this.
    """

    def __init__(self, loaded: Loaded, classes: Sequence[ModelClass]) -> None:
        self.how: dict[str, str] = {}
        self.fed: dict[str, Fed] = {}
        self.failures: dict[str, NotChecked] = {}
        self.contradicted: dict[str, Target] = {}
        self._left: set[str] = set()
        self._loaded = loaded
        self._own = {model.type: model for model in classes}
        self._elsewhere: dict[tuple[str, str], str] = {}

    @property
    def elsewhere(self) -> tuple[Covered, ...]:
        """The covered classes of other files of the project."""
        return tuple(Covered(path, name, how) for (path, name), how in self._elsewhere.items())

    def is_own(self, kind: type) -> bool:
        return kind in self._own

    def name_of(self, kind: type) -> str | None:
        """The name of a class of the file; None for other classes."""
        return self._own[kind].name if kind in self._own else None

    def class_of(self, module: nn.Module) -> ModelClass | None:
        """The class of a module; None if it is not of the file."""
        return self._own.get(type(module))

    def has(self, model: ModelClass) -> bool:
        return model.name in self.how

    def open(self, only_class: str | None) -> list[ModelClass]:
        """The classes of the file that are not covered yet."""
        wanted = [model for model in self._own.values() if only_class in (None, model.name)]
        return [
            model
            for model in wanted
            if model.skipped is None and model.name not in {*self.contradicted, *self._left} and not self.has(model)
        ]

    def add(self, label: str, trace: Trace, trusted: Sequence[Fault], fed: Fed) -> None:
        """Count the completed calls of a trace, and those around trusted faults.

        A call with a fault that may be caused by guessed inputs does not count.
        """
        in_doubt = {call for fault in trace.all_faults if fault not in trusted for call in fault.call.with_callers()}
        followed = [call for call in trace.calls if call not in in_doubt]
        for fault in trusted:
            followed.extend(fault.call.with_callers())
        known = set(self.how)
        self._cover_calls(label, followed)
        if trace.trouble == (0, 0) or trusted:
            self._cover_containers(label, trace.root)
        self.fed.update({name: fed for name in self.how if name not in known})

    def add_whole(self, label: str, trace: Trace) -> None:
        """Count every call of a trace, whatever its faults."""
        self._cover_calls(label, trace.calls)

    def contradict(self, model: ModelClass, target: Target) -> None:
        """Record that the constructor call or inputs of a target fail."""
        self.contradicted[model.name] = target
        self.how.pop(model.name, None)

    def leave(self, names: Set[str]) -> None:
        """Do not try these classes any more: a part proves nothing about the model around it, which was too slow."""
        self._left |= names

    def failed(self, model: ModelClass | None, failure: NotChecked) -> None:
        """Record why a class could not be constructed or traced; the first reason is kept."""
        if model is not None:
            self.failures.setdefault(model.name, failure)

    def tried_again(self, model: ModelClass, call: str) -> None:
        """Forget the failure of this call, because another one replaces it."""
        if model.name in self.failures and self.failures[model.name].call == call:
            del self.failures[model.name]

    def _cover_calls(self, label: str, calls: Sequence[ModuleCall]) -> None:
        for call in calls:
            self._cover(type(call.module), f"{label} -> {call.path}" if call.path else label)

    def _cover_containers(self, label: str, root: nn.Module) -> None:
        """Count containers that are iterated over instead of called."""
        for path, module in root.named_modules():
            if self.is_own(type(module)) and _has_no_forward(type(module)):
                self._cover(type(module), f"{label} -> {path}")

    def _cover(self, kind: type[nn.Module], how: str) -> None:
        for base in kind.__mro__:
            said = how if base is kind else f"through {kind.__name__}: {how}"
            if base in self._own:
                if self._own[base].name not in self.contradicted:
                    self.how.setdefault(self._own[base].name, said)
            elif issubclass(base, nn.Module):
                path = _file_of(base)
                if path is not None and path.startswith(self._loaded.project.root):
                    self._elsewhere.setdefault((path, base.__qualname__), said)


def _file_of(kind: type) -> str | None:
    """The file of a class; None if it has none, such as a class created by `type()`."""
    return getattr(sys.modules.get(kind.__module__), "__file__", None)


def _has_no_forward(model: type[nn.Module]) -> bool:
    return model.forward in (nn.Module.forward, nn.ModuleList.forward, nn.ModuleDict.forward)
