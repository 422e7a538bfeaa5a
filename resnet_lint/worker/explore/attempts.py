"""Constructs and traces a model within its share of the time limit, and records the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.evidence import Problem
from resnet_lint.shared.notation import parse_input, written_input
from resnet_lint.shared.records.places import Shape, Span
from resnet_lint.shared.records.requests import Request

from ..build.build import on_meta
from ..build.doubt import Doubt
from ..build.factories import own_shapes, shapes_in
from ..build.guess_arguments import Invented, parameter_names
from ..build.without_weights import built_without_weights
from ..examples.example import Example
from ..feed.feed import feed
from ..feed.guess import Guess
from ..load.classes import ModelClass
from ..load.load import Loaded
from ..outside import OUTSIDE
from ..process.file_clock import Clock
from ..process.limits import TimeUp
from ..tracer.trace import trace
from .certain_errors import (
    certain_error,
    end_of_script,
    error_of_any_input,
    error_of_arguments,
    error_of_call,
    error_of_constructor,
)
from .class_coverage import Coverage, Fed, NotChecked
from .follow_examples import UnusableExampleError, best_trace
from .own_fault import own_fault
from .reasons import why_not_built, why_untraced
from .traced_model import Traced


class Attempts:
    """The attempts on a file: traces, their coverage, and an instance of every class in them."""

    def __init__(self, loaded: Loaded, request: Request, coverage: Coverage, clock: Clock) -> None:
        self.traced: list[Traced] = []
        self.notes: list[str] = []
        self.searches: dict[str, str] = {}  # by class: what was tried in vain
        self.certain: dict[Span, Problem] = {}
        self.instances: dict[type[nn.Module], tuple[nn.Module, Invented | None]] = {}
        self._loaded = loaded
        self._request = request
        self._coverage = coverage
        self._clock = clock
        self._known_shapes = shapes_in(loaded.tree)
        self._reads_before = 0
        self.statements_failed = 0
        self.too_slow: set[str] = set()  # classes for which a model took too long
        # Where the script fails first, unless that depends on values or on this machine.
        self.ended: Problem | None = None

    def build_and_feed(
        self,
        label: str,
        make: Callable[..., Any],
        model: ModelClass | None = None,
        arguments: Invented | None = None,
        inputs: tuple[str, ...] = (),
    ) -> BaseException | None:
        """Construct a model with `make` and trace it; `label` is the source of `make`, `model` the class to cover.

        Returns the exception of the constructor, if any.
        """
        self._reads_before = OUTSIDE.reads
        try:
            with self._clock.one_attempt():
                made = self._made(make)
                if isinstance(made, BaseException):
                    self._judge(made, label, model, stated=False)
                    reason = (
                        self._clock.why(made) if isinstance(made, TimeUp) else why_not_built(made, self._loaded.missing)
                    )
                    self._failed(model, "build", label, f"{label}: {reason}")
                    return made
                self._remember_instances(made, arguments)
                self.feed(label, made, model, arguments, inputs)
        except TimeUp as error:
            self._failed(model, "trace", label, self._clock.why(error))
            self.notes.append(f"{label} was not traced: {self._clock.why(error)}")
            self.too_slow |= {model.name} if model is not None else set()
        return None

    def _made(self, make: Callable[..., Any]) -> nn.Module | BaseException:
        """The model that the user's code constructs, or the exception that it raises."""
        try:
            with self._clock.one_attempt(0.5):
                return built_without_weights(make, self._loaded.project.root)
        except (Exception, SystemExit, KeyboardInterrupt, TimeUp) as error:
            return error

    def _judge(self, error: BaseException, label: str, model: ModelClass | None, *, stated: bool) -> None:
        """Record an error if it is independent of arguments and inputs."""
        name = model.name if model is not None else None
        self._note(certain_error(error, self._loaded, name, stated=stated))

    def raised(self, error: BaseException, doubt: Doubt) -> None:
        """Record an error of the script if it is independent of arguments and inputs."""
        if doubt <= Doubt.INVENTED and not OUTSIDE.trial:
            self._judge(error, "", None, stated=not doubt)
        if not doubt and not self.statements_failed:
            self._note(error_of_constructor(error, self._loaded))
            self.ended = end_of_script(error, self._loaded)
        self.statements_failed += 1

    def confirm(self, ended: Trace) -> None:
        """Record the error of a call in the file itself that ended early, if it occurs with real values too."""
        with suppress(TimeUp), self._clock.one_attempt(0.5):
            self._note(error_of_call(ended, self._loaded))

    def confirm_arguments(self, model: ModelClass) -> None:
        """Record the errors of a class for guessed channels and strides, if it runs for others."""
        for traced in self.traced if self.runs(model) else ():
            arguments = traced.invented
            if traced.model_class is model and arguments is not None and arguments.sure:
                with suppress(TimeUp), self._clock.one_attempt(0.5):
                    self._note(error_of_arguments(traced.label, traced.trace, self._loaded, model.name))

    def _note(self, problem: Problem | None) -> None:
        if problem is not None:
            self.certain.setdefault(problem.span, problem)

    def _failed(
        self,
        model: ModelClass | None,
        stage: Literal["build", "trace"],
        label: str,
        reason: str,
        inputs: tuple[str, ...] = (),
    ) -> None:
        if model is not None:
            call = label if label.startswith(f"{model.name}(") else None
            self._coverage.failed(model, NotChecked(stage, reason, call, inputs))

    def feed_built(self, module: nn.Module, model: ModelClass | None = None) -> None:
        """Trace a module that a script has constructed with nothing that is guessed."""
        self._reads_before = OUTSIDE.reads
        self.feed(self.label(module), module, model)

    def feed(
        self,
        label: str,
        module: nn.Module,
        model: ModelClass | None = None,
        arguments: Invented | None = None,
        inputs: tuple[str, ...] = (),
    ) -> None:
        """Trace a module with these inputs, those that the user specifies for its class, or guessed ones.

        An internal error affects only this module, and is added to the notes.
        """
        try:
            self._feed(label, module, model, arguments, inputs)
        except Exception as error:
            reason = own_fault(error)
            self._failed(model, "trace", label, f"{label}: {reason}")
            self.notes.append(f"{label} was skipped: {reason}")

    def _feed(
        self,
        label: str,
        module: nn.Module,
        model: ModelClass | None,
        arguments: Invented | None,
        inputs: tuple[str, ...],
    ) -> None:
        on_meta(module)
        inputs = inputs or self.inputs_told(self._coverage.name_of(type(module)))
        if inputs:
            result = trace(module, (), _tensors(inputs), self._loaded.project)
            self._add(label, result, self._sure(result.all_faults), model, arguments, origin=self._origin_of(inputs))
            return
        known = [*own_shapes(module), *self._known_shapes]
        name = model.name if model is not None else ""
        best, faults = feed(
            module,
            self._loaded.project,
            known,
            on_failure=lambda tried: self.searches.update({name: f"{label}: {tried}"}),
            reported=self._reported() if model is None else frozenset(),
        )
        doubted: tuple[Fault, ...] = ()
        if arguments is not None:
            faults = tuple(fault for fault in faults if not _meets_constant(fault))
            faults, doubted = (faults, ()) if arguments.sure else ((), faults)
        self._add(
            label,
            best,
            self._sure(faults),
            model,
            arguments,
            sizes_stated=_is_fed_one_of(known, best),
            doubted=self._sure(doubted),
            origin="invented",
        )

    def _reported(self) -> frozenset[Span]:
        """Where models fail for any input."""
        return frozenset(fault.point.span for traced in self.traced for fault in traced.faults)

    def follow(self, example: Example, model: ModelClass | None) -> bool:
        """Trace an example in the file for `model`; returns whether it is a model with matching inputs."""
        try:
            with self._clock.one_attempt():
                self._reads_before = OUTSIDE.reads
                result = best_trace(example, self._loaded.project)
                if not example.stated and result.trouble > (0, 0):
                    return False
                self._remember_instances(result.root)
                self._add(example.label, result, self._sure(result.all_faults), model, origin=example.origin)
                return True
        except TimeUp as error:
            reason = self._clock.why(error)
        except UnusableExampleError as error:
            reason = str(error)
        except Exception as error:
            reason = own_fault(error)
        self.notes.append(f"{example.origin} was skipped: {reason}")
        return False

    def _sure(self, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
        """The faults; none if the constructor or the inputs depend on a guessed external number."""
        return faults if OUTSIDE.reads == self._reads_before else ()

    def runs(self, model: ModelClass) -> bool:
        """Whether a class was traced without a fault."""
        return any(traced.model_class is model and traced.trace.trouble == (0, 0) for traced in self.traced)

    def fails(self, arguments: Invented) -> bool:
        """Whether a class with these guessed arguments was traced with a fault that can be trusted."""
        return any(traced.invented is arguments and traced.faults for traced in self.traced)

    def inputs_told(self, name: str | None) -> tuple[str, ...]:
        """The inputs that the user specifies for a class of the file, or for any other class if `name` is None."""
        specified = [t for t in self._request.targets if t.inputs]
        return next((t.inputs for t in specified if (t.name == name if t.name else t.call is None)), ())

    def _origin_of(self, inputs: tuple[str, ...]) -> str:
        origin = next((target.origin for target in self._request.targets if target.inputs == inputs), "the user")
        return "--input" if origin == "--call" else origin

    def add_stated(
        self, module: nn.Module, result: Trace, faults: tuple[Fault, ...], origin: str, doubt: Doubt
    ) -> None:
        """Record the trace of a call in the file itself, and its faults as far as they can be trusted."""
        self._remember_instances(module)
        if result.stop is not None and not doubt:
            self._judge(result.stop.error, self.label(module), None, stated=True)
        self._add(self.label(module), result, faults, origin=origin)

    def _add(
        self,
        label: str,
        result: Trace,
        faults: tuple[Fault, ...],
        model: ModelClass | None = None,
        arguments: Invented | None = None,
        sizes_stated: bool = True,
        doubted: tuple[Fault, ...] = (),
        *,
        origin: str,
    ) -> None:
        """Record a trace, and its faults as far as they can be trusted."""
        if result.stop is not None:
            self._judge(result.stop.error, label, model, stated=False)
            if model is not None and arguments is None and not parameter_names(model.type):
                self._note(error_of_any_input(result, self._loaded, model.name))
        self.traced.append(Traced(label, result, faults, arguments, model, sizes_stated, doubted))
        fed = Fed(" ".join(_inputs_of(result)), origin)
        self._coverage.add(label, result, faults, fed)
        if arguments is not None and arguments.lacks_shortcut and not faults and _fails_at_additions_only(result):
            self._coverage.add_whole(f"{label}, without its caller's shortcut", result)
        if model is not None and not self._coverage.has(model) and result.trouble > (0, 0):
            self._failed(model, "trace", label, why_untraced(label, result), _inputs_of(result))

    def trust(self, traced: Traced, faults: tuple[Fault, ...]) -> None:
        """Report faults that guessed arguments had put in doubt."""
        invented = replace(traced.invented, sure=True) if traced.invented is not None else None
        self.traced[self.traced.index(traced)] = replace(traced, faults=faults, invented=invented)
        fed = Fed(" ".join(_inputs_of(traced.trace)), "invented")
        self._coverage.add(traced.label, traced.trace, faults, fed)

    def label(self, module: nn.Module) -> str:
        """The expression that constructed a module: the outermost one in the file itself."""
        built = built_of(module)
        if built is None:
            return type(module).__name__
        own = [point for point in built.chain if point.code.co_filename == self._loaded.path]
        point: Point = own[-1] if own else built.outermost
        return point.text

    def _remember_instances(self, root: nn.Module, arguments: Invented | None = None) -> None:
        """Remember an instance of each class of the file, and the invented arguments that led to it."""
        for module in nn.Module.modules(root):
            if self._coverage.is_own(type(module)):
                self.instances.setdefault(type(module), (module, arguments))


def _tensors(inputs: tuple[str, ...]) -> dict[str, torch.Tensor]:
    parsed = map(parse_input, inputs)
    return {name: Guess(shape, getattr(torch, dtype or "float32")).tensor() for name, shape, dtype in parsed}


def _inputs_of(result: Trace) -> tuple[str, ...]:
    """The inputs of a model in the syntax of `--input`; tensors in lists cannot be named."""
    fed = [node for node in result.nodes if node.kind == "input" and node.target.isidentifier()]
    return tuple(written_input(node.target, node.known_shape, node.dtype) for node in fed)


def _is_fed_one_of(known: Sequence[Shape], result: Trace) -> bool:
    sizes = {shape[2:] for shape in known}
    return any(node.kind == "input" and node.known_shape[2:] in sizes for node in result.nodes)


def _meets_constant(fault: Fault) -> bool:
    """Whether the fault is about a constant of the model, such as the mean of an RGB image: the arguments are wrong."""
    return fault.kind != "layer" and any(_is_held(node) for node in fault.node.sources)


def _is_held(node: Node) -> bool:
    while node.function in ("type_as", "to"):
        node = node.sources[0]
    return not node.activation and bool(node.shape)


def _fails_at_additions_only(result: Trace) -> bool:
    return result.complete and all(fault.kind == "addition" for fault in result.faults)
