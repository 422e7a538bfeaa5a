"""Looks at a loaded file from all sides until each of its classes has been traced: what to build, what to feed it.

In this order, until every class is covered: what the command line says; what the file does in its main block and tests;
factories; constructors that need no argument; instances that the file's own code built; invented arguments. Then the
remaining factories, as long as the time lasts: a fault may sit in one factory's arguments only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from ..inputs import parse_input
from ..limits import TimeUp, time_limit
from ..records import Request
from ..said import said
from ..shapes.built import built_of
from ..shapes.calls import mapped
from ..shapes.fault import Fault
from ..shapes.place import Point
from ..shapes.trace import Trace, trace
from .arguments import Invented, invented, parameter_names, required_names, unguessable
from .build import build, noting_where_built, on_meta
from .classes import ModelClass
from .factories import factories, leads_to, options_of, own_shapes, shapes_in
from .feed import feed
from .inputs import Guess
from .load import Loaded
from .scenario import Scenario, play, scenarios

# The part of a file's time that goes to one attempt, and to the factories that cover nothing new.
_ATTEMPT_SHARE = 0.4
_EXTRAS_SHARE = 0.5

_WITHOUT_WEIGHTS: dict[str, Any] = {"pretrained": False, "weights": None, "weights_backbone": None}


@dataclass(frozen=True, eq=False)
class Traced:
    """A model that was traced: how it was built and fed, and which of its faults can be trusted.

    `label` is the source that builds it; `invented` are its constructor arguments where nobody wrote them down.
    """

    label: str
    trace: Trace
    faults: tuple[Fault, ...]
    invented: Invented | None = None
    model_class: ModelClass | None = None


@dataclass
class Exploration:
    """Everything found out about a file. `failures` has, per class, whether building or tracing failed, and why."""

    traced: list[Traced] = field(default_factory=list)
    how: dict[str, str] = field(default_factory=dict)
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Explorer:
    """Explores one file within its time."""

    def __init__(self, loaded: Loaded, classes: Sequence[ModelClass], request: Request) -> None:
        self._loaded = loaded
        self._classes = {model.type: model for model in classes}
        self._request = request
        self._known_shapes = shapes_in(loaded.tree)
        self._began = time.monotonic()
        self._instances: dict[type[nn.Module], nn.Module] = {}
        self.found = Exploration()

    def explore(self) -> Exploration:
        """Run all stages; what was found before the time is up is kept."""
        try:
            with time_limit(self._left()), noting_where_built(self._loaded.project):
                for stage in self._stages():
                    stage()
                    if self._all_covered():
                        break
                if self._request.call is None and not self._request.quick:
                    self._more_factories()
        except TimeUp:
            self._note_time_up()
        return self.found

    def _stages(self) -> list[Callable[[], None]]:
        if self._request.call is not None:
            return [self._as_told]
        return [
            self._scenarios,
            self._factories,
            self._default_constructors,
            self._factory_switches,
            self._instances_built,
            self._invented_arguments,
        ]

    # --- the stages -------------------------------------------------------------------------------------------------

    def _as_told(self) -> None:
        call = self._request.call
        assert call is not None
        namespace = {"torch": torch, "nn": nn, **vars(self._loaded.module)}
        wanted = (self._request.only_class, call.partition("(")[0].strip())
        told = next((model for model in self._classes.values() if model.name in wanted), None)
        self._build_and_feed(call, lambda: eval(call, namespace), told)

    def _scenarios(self) -> None:
        for scenario in scenarios(self._loaded):
            unused = self._played(scenario)
            for module in unused:
                self._feed(self._label(module), module)

    def _played(self, scenario: Scenario) -> list[nn.Module]:
        """The modules that a scenario builds without calling them."""
        try:
            with time_limit(min(self._request.seconds * _ATTEMPT_SHARE, self._left())):
                return play(scenario, self._loaded, self._on_call)
        except TimeUp:
            self.found.notes.append(f"{scenario.name} was left after {self._request.seconds * _ATTEMPT_SHARE:.0f} s")
            return []

    def _factories(self) -> None:
        """Factories that lead to classes not yet covered, the one that covers most first."""
        remaining = factories(self._loaded)
        reach = {name: leads_to(name, self._loaded) for name in remaining}
        while remaining and not self._all_covered():
            open_names = {model.name for model in self._open()}
            best = max(remaining, key=lambda name: len(reach[name] & open_names))
            if not reach[best] & open_names:
                break
            remaining.remove(best)
            self._factory(best)
        self._remaining_factories = remaining

    _remaining_factories: Sequence[str] = ()

    def _factory(self, name: str) -> None:
        function = vars(self._loaded.module)[name]
        self._build_and_feed(f"{name}()", function, self._name_behind(name))

    def _default_constructors(self) -> None:
        # Whole models before their parts: inside the model, a part gets the input that it was made for.
        for model in sorted(self._open(), key=lambda model: -len(leads_to(model.name, self._loaded))):
            if not self._is_covered(model) and not required_names(model.type):
                self._build_and_feed(f"{model.name}()", model.type, model)

    def _factory_switches(self) -> None:
        """Classes that only a switch of a factory leads to, as `features_only=True` does."""
        for name in factories(self._loaded):
            for option in options_of(name, self._loaded):
                if {model.name for model in self._open()} & leads_to(name, self._loaded):
                    make = partial(vars(self._loaded.module)[name], **{option: True})
                    self._build_and_feed(f"{name}({option}=True)", make)
            if self._spent() > self._request.seconds * _EXTRAS_SHARE:
                return

    def _instances_built(self) -> None:
        for model in self._open():
            instance = self._instances.get(model.type)
            if instance is not None and not self._is_covered(model):
                self._feed(self._label(instance), instance, model)

    def _invented_arguments(self) -> None:
        for model in self._open():
            if self._is_covered(model):
                continue
            tries = invented(model.type, self._loaded.module)
            if not tries:
                names = ", ".join(unguessable(model.type, self._loaded.module))
                self._failed(model, "build", f"nobody in the file builds it, and {names} cannot be guessed")
            for arguments in tries:
                make = partial(model.type, **arguments.kwargs)
                self._build_and_feed(arguments.text(model.name), make, model, arguments)

    def _more_factories(self) -> None:
        left_out = []
        for name in self._remaining_factories:
            if self._spent() > self._request.seconds * _EXTRAS_SHARE:
                left_out.append(name)
            else:
                self._factory(name)
        if left_out:
            self.found.notes.append(
                f"not traced for lack of time: {', '.join(left_out)}; a longer --timeout reaches them"
            )

    # --- building and feeding ---------------------------------------------------------------------------------------

    def _build_and_feed(
        self,
        label: str,
        make: Callable[..., Any],
        model: ModelClass | None = None,
        arguments: Invented | None = None,
    ) -> None:
        try:
            with time_limit(min(self._request.seconds * _ATTEMPT_SHARE, self._left())):
                module = self._made(label, make, model)
                if module is not None:
                    self._remember_instances(module)
                    self._feed(label, module, model, arguments)
        except TimeUp as error:
            self._failed(model, "trace", str(error))

    def _made(self, label: str, make: Callable[..., Any], model: ModelClass | None) -> nn.Module | None:
        """What the user's code builds; None where it fails, which is noted."""
        try:
            with time_limit(min(self._request.seconds * _ATTEMPT_SHARE / 2, self._left())):
                return _built(make)
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp) as error:
            self._failed(model, "build", f"{label}: {said(error)}")
            return None

    def _feed(
        self, label: str, module: nn.Module, model: ModelClass | None = None, arguments: Invented | None = None
    ) -> None:
        on_meta(module)
        if self._request.inputs:
            told = trace(module, (), self._inputs_told(), self._loaded.project)
            self._add(label, told, told.all_faults, model, arguments)
            return
        best, faults = feed(module, self._loaded.project, [*own_shapes(module), *self._known_shapes])
        trusted = faults if arguments is None or arguments.sure else ()
        self._add(label, best, trusted, model, arguments)

    def _inputs_told(self) -> dict[str, torch.Tensor]:
        told = map(parse_input, self._request.inputs)
        return {name: Guess(shape, getattr(torch, dtype or "float32")).tensor() for name, shape, dtype in told}

    def _on_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], may_fail: bool) -> Any:
        args, kwargs = mapped((args, kwargs), _to_meta)
        self._remember_instances(module)
        result = trace(module, args, kwargs, self._loaded.project)
        self._add(self._label(module), result, () if may_fail else result.all_faults)
        if result.stop is not None:
            raise result.stop.error
        return result.output

    # --- what was found ---------------------------------------------------------------------------------------------

    def _add(
        self,
        label: str,
        result: Trace,
        faults: tuple[Fault, ...],
        model: ModelClass | None = None,
        arguments: Invented | None = None,
    ) -> None:
        """Note a trace and those of its faults that can be trusted."""
        self.found.traced.append(Traced(label, result, faults, arguments, model))
        if result.trouble == (0, 0) or faults:
            self._cover(label, result, faults)
        elif arguments is not None and arguments.lacks_shortcut and _fails_at_additions_only(result):
            self._cover(f"{label}, without its caller's shortcut", result, faults)
        if model is not None and not self._is_covered(model) and result.trouble > (0, 0):
            self._failed(model, "trace", _why_untraced(label, result))

    def _cover(self, label: str, result: Trace, faults: Sequence[Fault]) -> None:
        calls = list(result.calls)
        for fault in faults:
            calls.extend(fault.call.with_callers())
        for call in calls:
            self._cover_class(type(call.module), f"{label} -> {call.path}" if call.path else label)
        for path, module in result.root.named_modules():
            # A container that is looped over instead of called.
            if type(module) in self._classes and _has_no_forward(type(module)):
                self._cover_class(type(module), f"{label} -> {path}")

    def _cover_class(self, found: type, how: str) -> None:
        for base in found.__mro__:
            model = self._classes.get(base)
            if model is not None:
                self.found.how.setdefault(model.name, how if base is found else f"through {found.__name__}: {how}")

    def _failed(self, model: ModelClass | None, stage: str, reason: str) -> None:
        if model is not None:
            self.found.failures.setdefault(model.name, (stage, reason))

    def _remember_instances(self, root: nn.Module) -> None:
        for module in root.modules():
            if type(module) in self._classes:
                self._instances.setdefault(type(module), module)

    def _is_covered(self, model: ModelClass) -> bool:
        return model.name in self.found.how

    def _open(self) -> list[ModelClass]:
        wanted = self._request.only_class
        return [
            model
            for model in self._classes.values()
            if not self._is_covered(model) and model.skipped is None and wanted in (None, model.name)
        ]

    def _all_covered(self) -> bool:
        return not self._open()

    def _name_behind(self, factory: str) -> ModelClass | None:
        """The one class that a factory leads to, so that its failure is told for that class."""
        names = leads_to(factory, self._loaded)
        open_models = [model for model in self._open() if model.name in names]
        return open_models[-1] if open_models else None

    def _label(self, module: nn.Module) -> str:
        """The source that built a module: the outermost expression in the file itself."""
        built = built_of(module)
        if built is None:
            return type(module).__name__
        own = [point for point in built.chain if point.code.co_filename == self._loaded.path]
        point: Point = own[-1] if own else built.outermost
        return point.text

    def _spent(self) -> float:
        return time.monotonic() - self._began

    def _left(self) -> float:
        return max(self._request.seconds * 0.9 - self._spent(), 0.01)

    def _note_time_up(self) -> None:
        for model in self._open():
            self._failed(
                model, "trace", f"not reached within {self._request.seconds:.0f} s; a longer --timeout may help"
            )


def _built(make: Callable[..., Any]) -> nn.Module:
    """Build without downloads: where the first try fails, with the parameters that ask for weights switched off."""
    try:
        return build(make)
    except TimeUp:
        raise
    except Exception:
        off = {name: value for name, value in _WITHOUT_WEIGHTS.items() if name in parameter_names(make)}
        if not off:
            raise
        return build(make, (), off)


def _why_untraced(label: str, result: Trace) -> str:
    if result.stop is not None:
        return f"{label}: {result.stop.reason}"
    fault = result.all_faults[0]
    return f"{label}: line {fault.point.span.start.line}: {' '.join(fault.error.split())[:200]}"


def _fails_at_additions_only(result: Trace) -> bool:
    return result.complete and all(fault.kind == "addition" for fault in result.faults)


def _has_no_forward(model: type[nn.Module]) -> bool:
    return model.forward in (nn.Module.forward, nn.ModuleList.forward, nn.ModuleDict.forward)


def _to_meta(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) else value
