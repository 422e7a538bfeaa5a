"""Traces the examples of a file: models with their example inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text

from ..build.build import build
from ..examples.example import Example, to_meta, ways_to_call
from ..tensors import parameters_of
from ..tracer.trace import trace

# A model with more parameters is constructed on meta only.
_MOST_PARAMETERS = 1 << 27


class UnusableExampleError(Exception):
    """An example does not provide a model with inputs."""


def best_trace(example: Example, project: Project) -> Trace:
    """The trace of an example with the fewest problems.

    If the trace on meta fails, for example because the forward depends on values, it is repeated with real tensors.
    Raises UnusableExampleError.
    """
    module, inputs = _on_meta(example)
    best = min(_traces(module, inputs, project), key=lambda traced: traced.trouble)
    if best.trouble == (0, 0) or sum(parameter.numel() for parameter in parameters_of(module)) > _MOST_PARAMETERS:
        return best
    return min(best, *_real_traces(example, project), key=lambda traced: (traced.trouble, traced is best))


def _on_meta(example: Example) -> tuple[nn.Module, Any]:
    inputs: list[Any] = []

    def make() -> nn.Module:
        module, given = example.make()
        inputs[:] = [given]
        return module

    try:
        return build(make), inputs[0]
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        raise UnusableExampleError(error_text(error)) from error


def _traces(module: nn.Module, inputs: Any, project: Project) -> Iterator[Trace]:
    """One trace per way to call the module, until one has no faults."""
    for way in ways_to_call(module, inputs):
        args, kwargs = to_meta(way)
        result = trace(module, args, kwargs, project)
        yield result
        if result.trouble == (0, 0):
            return


def _real_traces(example: Example, project: Project) -> list[Trace]:
    """The traces with real tensors; empty if the model cannot be constructed."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.manual_seed(0)
            module, inputs = example.make()
            module.eval()
    except (Exception, SystemExit, KeyboardInterrupt):
        return []
    best: list[Trace] = []
    for args, kwargs in ways_to_call(module, inputs):
        best.append(trace(module, args, kwargs, project))
        if best[-1].trouble == (0, 0):
            break
    return best
