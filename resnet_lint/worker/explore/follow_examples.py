"""Runs the examples of a file: models with the inputs that the file offers for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.shared.error_text import error_text

from ..build.build import build
from ..examples.example import Example, to_meta, ways_to_call
from ..tracer.trace import Trace, trace

# A model with more parameters is not built for real, only on meta.
_MOST_PARAMETERS = 1 << 27


class UnusableExampleError(Exception):
    """An example that does not give a model and inputs for it."""


def best_trace(example: Example, project: Project) -> Trace:
    """The trace of an example in which least went wrong.

    Where something goes wrong on meta, as where the forward depends on values, it runs for real, and that counts.
    Raises UnusableExampleError.
    """
    module, inputs = _on_meta(example)
    best = min(_traces(module, inputs, project), key=lambda traced: traced.trouble)
    if best.trouble == (0, 0) or sum(parameter.numel() for parameter in module.parameters()) > _MOST_PARAMETERS:
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
    """One trace for each way to call the module, until one is without a fault."""
    for way in ways_to_call(module, inputs):
        args, kwargs = to_meta(way)
        result = trace(module, args, kwargs, project)
        yield result
        if result.trouble == (0, 0):
            return


def _real_traces(example: Example, project: Project) -> list[Trace]:
    """The traces with real tensors; none where that cannot be built."""
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
