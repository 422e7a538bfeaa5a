"""Constructs the model to run, with real weights, from the same expression that constructed it on meta.

`explore/` finds how the models of the file are constructed and called; `explore/main_model` selects one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records import hardware_run
from resnet_lint.shared.records.hardware_run import RunRequest
from resnet_lint.shared.records.requests import TraceRequest

from ..explore.main_model import ADVICE, candidates, evaluated, main_model
from ..explore.traced_model import Traced
from ..load.load import Loaded
from ..tensors import mapped, tensors_in
from ..torch_quirks.absent_environment import environment_made_up
from ..tracer.trace import trace
from .memory import require_memory
from .module_outputs import Calls, record_outputs

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class ModelUnderTest:
    """A model on its device with random inputs, and its trace on meta at the same batch size.

    `expected` are the output shapes of each module call in that trace.
    """

    setup: hardware_run.ModelSetup
    project: Project
    trace: Trace
    expected: Calls
    model: nn.Module
    inputs: Inputs
    device: torch.device
    seed: int

    def outputs(self, inputs: Inputs | None = None) -> list[torch.Tensor]:
        """Run the forward pass, by default on `self.inputs`; return the tensors among the outputs."""
        args, kwargs = inputs or self.inputs
        return list(tensors_in(self.model(*args, **kwargs)))

    @contextmanager
    def training_mode(self) -> Iterator[None]:
        """Put the model into training mode with a fixed seed; on exit, restore its buffers and eval mode."""
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


def find_model(request: RunRequest, device: torch.device, dtype: torch.dtype) -> ModelUnderTest:
    """The requested model. Raises UsageError if no model can be found, constructed or given inputs."""
    models = candidates(
        TraceRequest(
            path=request.path,
            only_class=request.only_class,
            targets=request.targets,
            seconds=request.seconds,
            source=request.source,
            call=request.call,
        )
    )
    loaded = models.loaded
    chosen, others = main_model(models)
    batch = request.batch or _batch_of(chosen.trace)
    with environment_made_up(), record_outputs(chosen.trace.root) as expected:
        at_batch = _traced_at(chosen.trace, batch)
    require_memory(at_batch, batch, device, dtype)
    setup = hardware_run.ModelSetup(
        chosen.label, str(device), request.dtype, batch, _named_shapes(at_batch), tuple(others)
    )
    model = _built(chosen, loaded, request.seed).to(device, dtype)
    inputs = _random_inputs(at_batch, model, device, dtype, request.seed)
    return ModelUnderTest(setup, loaded.project, at_batch, expected, model, inputs, device, request.seed)


def _batch_of(traced: Trace) -> int:
    return next((tensor.shape[0] for tensor in tensors_in([traced.args, traced.kwargs]) if tensor.dim()), 1)


def _traced_at(traced: Trace, batch: int) -> Trace:
    """Trace the same model at another batch size: replaces dimension 0 of all inputs of the traced batch."""
    before = _batch_of(traced)

    def at_batch(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dim() and value.shape[0] == before:
            return value.new_empty((batch, *value.shape[1:]))
        return value

    args, kwargs = mapped((traced.args, dict(traced.kwargs)), at_batch)
    return trace(traced.root, args, kwargs, traced.project)


def _built(chosen: Traced, loaded: Loaded, seed: int) -> nn.Module:
    """Construct the model with real weights, from the expression that constructed it on meta."""
    torch.manual_seed(seed)
    model = evaluated(chosen.label, loaded)
    if not isinstance(model, nn.Module) or not _same_tensors(model, chosen.trace.root):
        raise UsageError(f"{chosen.label} does not construct the model that was traced; {ADVICE}")
    return model


def _same_tensors(model: nn.Module, traced: nn.Module) -> bool:
    names = [name for name, _ in model.named_parameters()]
    if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
        return names == [name for name, _ in traced.named_parameters()]
    return {n: p.shape for n, p in model.named_parameters()} == {n: p.shape for n, p in traced.named_parameters()}


def _named_shapes(traced: Trace) -> tuple[tuple[str, tuple[int, ...]], ...]:
    placeholders = [node for node in traced.nodes if node.kind == "input"]
    return tuple((node.target, node.known_shape) for node in placeholders)


def _random_inputs(traced: Trace, model: nn.Module, device: torch.device, dtype: torch.dtype, seed: int) -> Inputs:
    """Random inputs of the traced shapes: normally distributed, and integers valid for every embedding."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = [layer for layer in nn.Module.modules(model) if isinstance(layer, nn.Embedding)]
    rows = min((layer.num_embeddings for layer in embeddings), default=2)

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


def all_ones(inputs: Inputs) -> Inputs:
    """Inputs of the same shapes filled with ones."""
    args, kwargs = mapped(inputs, lambda value: torch.ones_like(value) if isinstance(value, torch.Tensor) else value)
    return args, kwargs
