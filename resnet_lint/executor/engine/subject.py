"""Which model of a file to run, built for real: the explorer says how on meta, and the same source is evaluated again.

The explorer (`model/`) finds out how the file's models are built and fed. Of the models that it traced, the one that
uses most of the file's classes is run, and the first of several such.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...errors import UsageError
from ...model.arguments import required_names
from ...model.attempts import Clock, Traced
from ...model.classes import ModelClass, model_classes
from ...model.coverage import Coverage
from ...model.explore import Explorer
from ...model.load import ImportFailure, Loaded, load
from ...records import Request
from ...said import said
from ...shapes.calls import mapped, tensors_in
from ...shapes.place import Project
from ...shapes.trace import Trace, trace
from .. import records
from ..records import Order
from .memory import require_memory
from .stages import Calls, watched

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model on its device and inputs of random values, with its forward on meta at the same batch.

    `expected` is what that forward makes of each module.
    """

    record: records.Subject
    project: Project
    trace: Trace
    expected: Calls
    model: nn.Module
    inputs: Inputs
    device: torch.device
    seed: int

    def outputs(self, inputs: Inputs | None = None) -> list[torch.Tensor]:
        """Run the model forward, on its own inputs if no others are given; the tensors among its results."""
        args, kwargs = inputs or self.inputs
        return list(tensors_in(self.model(*args, **kwargs)))

    @contextmanager
    def practice(self) -> Iterator[None]:
        """Training mode with the same random numbers each time; at the end, the model is as it was before."""
        buffers = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        torch.manual_seed(self.seed)
        self.model.train()
        try:
            yield
        finally:
            self.model.eval().zero_grad(set_to_none=True)
            with torch.no_grad():
                for name, buffer in self.model.named_buffers():
                    buffer.copy_(buffers[name])


def find(order: Order, device: torch.device, dtype: torch.dtype) -> Subject:
    """The model of an order. Raises UsageError where no model can be found, built or fed."""
    loaded = load(order.path, order.source)
    if isinstance(loaded, ImportFailure):
        raise UsageError(f"{order.path}:{loaded.span.start.line}: it cannot be imported: {loaded.reason}")
    chosen, others = _chosen(loaded, order)
    batch = order.batch or _batch_of(chosen.trace)
    with watched(chosen.trace.root) as expected:
        at_batch = _traced_at(chosen.trace, batch, loaded.project)
    require_memory(at_batch, batch, device, dtype)
    record = records.Subject(chosen.label, str(device), order.dtype, batch, _named_shapes(at_batch), tuple(others))
    model = _built(chosen, loaded, order.seed).to(device, dtype)
    inputs = _random_inputs(at_batch, model, device, dtype, order.seed)
    return Subject(record, loaded.project, at_batch, expected, model, inputs, device, order.seed)


def _chosen(loaded: Loaded, order: Order) -> tuple[Traced, list[str]]:
    """The traced model to run, and the labels of the others that were traced."""
    classes = model_classes(loaded)
    request = Request(order.path, order.only_class, order.targets, order.seconds, source=order.source, quick=True)
    found = Explorer(loaded, classes, request, Clock(order.seconds)).explore()
    own = {model.type for model in classes}
    candidates = [traced for traced in found.traced if _is_wanted(traced, classes, order)]
    if not candidates:
        if order.call is not None:
            _evaluated(order.call, loaded)  # raises what is wrong with it, if it cannot even be built
        raise UsageError(_why_none(found.coverage, classes, order))
    best = max(candidates, key=lambda traced: (_coverage(traced.trace.root, own), -traced.trace.trouble[0]))
    labels = dict.fromkeys(traced.label for traced in candidates if traced.label != best.label)
    return best, list(labels)


def _is_wanted(traced: Traced, classes: list[ModelClass], order: Order) -> bool:
    if order.call is not None:
        return traced.label == order.call
    if order.only_class is None:
        return True
    return any(model.name == order.only_class and type(traced.trace.root) is model.type for model in classes)


def _coverage(root: nn.Module, own: set[type[nn.Module]]) -> int:
    """How many of the file's classes a model uses."""
    return len({type(module) for module in root.modules()} & own)


def _why_none(found: Coverage, classes: list[ModelClass], order: Order) -> str:
    target = next((model for model in classes if model.name == order.only_class), None)
    if target is not None and target.name in found.how:
        arguments = ", ".join(f"{name}=..." for name in required_names(target.type))
        return (
            f"{target.name} was met only as {found.how[target.name]}; say how to build it alone: "
            f"--call '{target.name}({arguments})'"
        )
    failures = {name: why for name, why in found.failures.items() if order.only_class in (None, name)}
    reasons = [f"{name}: {why.reason}" for name, why in failures.items()]
    return f"{order.path}: no model could be built and traced; {'; '.join(reasons) or 'it defines none'}"


def _batch_of(traced: Trace) -> int:
    return next((tensor.shape[0] for tensor in tensors_in([traced.args, traced.kwargs]) if tensor.dim()), 1)


def _traced_at(traced: Trace, batch: int, project: Project) -> Trace:
    """The trace of the same model with another batch: dimension 0 of every input that has the traced batch there."""
    before = _batch_of(traced)

    def change(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dim() and value.shape[0] == before:
            return value.new_empty((batch, *value.shape[1:]))
        return value

    args, kwargs = mapped((traced.args, dict(traced.kwargs)), change)
    return trace(traced.root, args, kwargs, project)


_ADVICE = "say how to build it: --call 'Net(...)'"


def _built(chosen: Traced, loaded: Loaded, seed: int) -> nn.Module:
    """The model built again with real weights, from the source that built it on meta."""
    torch.manual_seed(seed)
    model = _evaluated(chosen.label, loaded)
    if not isinstance(model, nn.Module) or not _same_tensors(model, chosen.trace.root):
        raise UsageError(f"{chosen.label} does not give the model that was traced; {_ADVICE}")
    return model


def _evaluated(call: str, loaded: Loaded) -> Any:
    try:
        return eval(call, {"torch": torch, "nn": nn, **vars(loaded.module)})
    except (Exception, SystemExit) as error:
        raise UsageError(f"{call} cannot be built for real: {said(error)}; {_ADVICE}") from error


def _same_tensors(model: nn.Module, traced: nn.Module) -> bool:
    names = [name for name, _ in model.named_parameters()]
    if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
        return names == [name for name, _ in traced.named_parameters()]
    return {n: p.shape for n, p in model.named_parameters()} == {n: p.shape for n, p in traced.named_parameters()}


def _named_shapes(traced: Trace) -> tuple[tuple[str, tuple[int, ...]], ...]:
    placeholders = [node for node in traced.graph.nodes if node.op == "placeholder"]
    return tuple((str(node.target), node.meta["shape"]) for node in placeholders)


def _random_inputs(traced: Trace, model: nn.Module, device: torch.device, dtype: torch.dtype, seed: int) -> Inputs:
    """Inputs of the traced shapes with random values: normal ones, and indices that every embedding has."""
    generator = torch.Generator().manual_seed(seed)
    rows = min((layer.num_embeddings for layer in model.modules() if isinstance(layer, nn.Embedding)), default=2)

    def realise(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if value.is_floating_point():
            return torch.randn(value.shape, generator=generator).to(device, dtype)
        if value.is_complex():
            return torch.randn(value.shape, generator=generator, dtype=value.dtype).to(device)
        return torch.randint(rows, value.shape, generator=generator).to(device, value.dtype)

    args, kwargs = mapped((traced.args, dict(traced.kwargs)), realise)
    return args, kwargs


def filled_with_ones(inputs: Inputs) -> Inputs:
    """The same inputs with ones in the place of every value."""
    args, kwargs = mapped(inputs, lambda value: torch.ones_like(value) if isinstance(value, torch.Tensor) else value)
    return args, kwargs
