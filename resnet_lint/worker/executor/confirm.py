"""Checks the prediction by running the model: a real forward and backward pass, compared with the trace."""

from __future__ import annotations

from dataclasses import replace

import torch

from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.records.hardware_run import Confirmation

from ..tracer.trace import innermost
from .memory import is_out_of_memory, out_of_memory_error
from .model_under_test import ModelUnderTest, all_ones
from .module_outputs import Calls, compare_outputs, record_outputs


def confirm(tested: ModelUnderTest) -> Confirmation:
    """Run a model's forward pass three times and its backward pass once, and compare with the trace.

    An exception that the model raises ends the run and is part of the result. Raises UsageError if memory runs out.
    """
    result = Confirmation()
    measured: Calls = []
    try:
        with torch.no_grad(), record_outputs(tested.model.eval()) as measured:
            first = tested.outputs()
        result = replace(result, stages=compare_outputs(tested.expected, measured), finite=_finite(first))
        with torch.no_grad():
            result = replace(
                result,
                repeatable=_close(first, tested.outputs()),
                first_value=_first_value(tested.outputs(all_ones(tested.inputs))),
            )
        return replace(result, without_gradient=_without_gradient(tested))
    except Exception as error:
        if is_out_of_memory(error):
            raise out_of_memory_error(tested.setup.batch, tested.device) from error
        reached = tuple(stage for stage in compare_outputs(tested.expected, measured) if stage.measured)
        return replace(result, error=_located(error, tested), reached=reached)


def _finite(tensors: list[torch.Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _close(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    """Equal up to rounding: some reductions on a GPU are not deterministic."""
    try:
        torch.testing.assert_close(left, right, equal_nan=True)
    except AssertionError:
        return False
    return True


def _first_value(tensors: list[torch.Tensor]) -> float | None:
    return next((float(tensor.flatten()[0].real) for tensor in tensors if tensor.numel()), None)


def _without_gradient(tested: ModelUnderTest) -> tuple[str, ...]:
    """The names of the parameters without a gradient after a backward pass in training mode."""
    with tested.training_mode():
        backward(tested.outputs(), tested.seed)
        trainable = {name: value for name, value in tested.model.named_parameters() if value.requires_grad}
        return tuple(name for name, parameter in trainable.items() if parameter.grad is None)


def backward(outputs: list[torch.Tensor], seed: int) -> None:
    """Backpropagate a random vector through all outputs; a plain sum has no gradient behind a normalization."""
    generator = torch.Generator().manual_seed(seed)
    differentiable = [tensor for tensor in outputs if tensor.requires_grad]
    vectors = [torch.randn(tensor.shape, generator=generator).to(tensor) for tensor in differentiable]
    torch.autograd.backward(differentiable, vectors)


def _located(error: Exception, tested: ModelUnderTest) -> str:
    point = innermost(error, tested.project)
    where = f"line {point.span.start.line}: " if point is not None else ""
    return f"{where}{error_text(error)}"
