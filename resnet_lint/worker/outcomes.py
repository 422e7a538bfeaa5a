"""Summarises the traces of the models in a file, to verify that a fix changes nothing else."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence

from torch import nn

from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace

from ..graph.residuals import residual_at
from ..shared.records.reports import Outcome
from ..shared.records.requests import Retrace
from .explore.traced_model import Traced
from .tensors import named_parameters_of, parameters_of, tensors_in
from .tracer.trace import trace_at


def outcome(label: str, trace: Trace, guessed: bool = False) -> Outcome:
    """Summarise a trace; `label` is the expression that constructs the model; `guessed`: its arguments are guessed."""
    shapes = trace.signature if trace.trouble == (0, 0) else None
    faulty = {fault.node for fault in trace.all_faults}
    additions = [node for node in trace.nodes if node not in faulty and residual_at(node) is not None]
    layers = [call for call in trace.calls if any(True for _ in parameters_of(call.module, recurse=False))]
    return Outcome(
        label,
        shapes,
        trace.complete,
        len(additions),
        len(layers),
        _digest_of_weights(trace.root),
        _digest_of_widths(trace.root),
        sum(tensor.numel() for tensor in parameters_of(trace.root) if not nn.parameter.is_lazy(tensor)),
        sum(map(_multiply_adds, trace.nodes)),
        tuple(tensor.shape[1] for tensor in tensors_in([trace.args, trace.kwargs]) if tensor.dim() >= 4),
        guessed,
        trace.signature if _fails_by_widths_only(trace) else None,
    )


def _fails_by_widths_only(trace: Trace) -> bool:
    """Whether a complete trace failed, but nowhere else than where layers get other widths."""
    kinds = {fault.kind for fault in trace.all_faults}
    return trace.complete and kinds == {"layer"}


def _multiply_adds(node: Node) -> int:
    """The multiplications of a convolution or a linear layer."""
    if node.kind not in ("convolution", "transposed", "linear") or node.shape is None or len(node.inputs) < 2:
        return 0
    weight, positions = node.inputs[1], node.inputs[0] if node.kind == "transposed" else node.known_shape
    return math.prod(positions) * math.prod(weight[1:])


def _digest_of_weights(module: nn.Module) -> str:
    tensors = (*named_parameters_of(module), *nn.Module.named_buffers(module))
    named = sorted((name, () if nn.parameter.is_lazy(tensor) else tuple(tensor.shape)) for name, tensor in tensors)
    return hashlib.sha256(repr(named).encode()).hexdigest()


def _digest_of_widths(module: nn.Module) -> str:
    names = ("out_channels", "out_features", "hidden_size")
    own = [(path, vars(part).get(name)) for path, part in module.named_modules() for name in names]
    widths = [(path, width) for path, width in own if isinstance(width, int)]
    return hashlib.sha256(repr(widths).encode()).hexdigest()


def retraced(traces: Sequence[Traced], wanted: Retrace | None) -> Iterator[Outcome]:
    """The outcome of the requested trace at other sizes, if the model was traced with the same number of inputs."""
    if wanted is None:
        return
    for trace in (traced.trace for traced in traces if traced.label == wanted.target):
        if len(list(tensors_in([trace.args, trace.kwargs]))) == len(wanted.inputs):
            yield outcome(str(wanted), trace_at(trace, wanted.inputs))
            return
