"""The proof on real tensors: forward and backward, with what they show set beside what the trace predicted."""

from __future__ import annotations

from dataclasses import replace

import torch

from resnet_lint.shared.error_text import said
from resnet_lint.shared.records.hardware_run import Confirmation

from ..tracer.trace import innermost
from .memory import is_out_of_memory, out_of_memory_error
from .model_under_test import ModelUnderTest, all_ones
from .module_outputs import compare_outputs, record_outputs


def confirm(tested: ModelUnderTest) -> Confirmation:
    """Run a model forward twice and backward once. An error of the model ends the confirmation and is part of it."""
    seen = Confirmation()
    try:
        with torch.no_grad(), record_outputs(tested.model.eval()) as measured:
            first = tested.outputs()
        seen = replace(seen, stages=compare_outputs(tested.expected, measured), finite=_finite(first))
        with torch.no_grad():
            seen = replace(
                seen,
                repeatable=_alike(first, tested.outputs()),
                first_value=_first_value(tested.outputs(all_ones(tested.inputs))),
            )
        return replace(seen, without_gradient=_without_gradient(tested))
    except Exception as error:
        if is_out_of_memory(error):
            raise out_of_memory_error(tested.setup.batch, tested.device) from error
        return replace(seen, error=_told(error, tested))


def _finite(tensors: list[torch.Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _alike(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    """Equal up to rounding: some sums on a GPU are added in another order each time."""
    try:
        torch.testing.assert_close(left, right, equal_nan=True)
    except AssertionError:
        return False
    return True


def _first_value(tensors: list[torch.Tensor]) -> float | None:
    return next((float(tensor.flatten()[0].real) for tensor in tensors if tensor.numel()), None)


def _without_gradient(tested: ModelUnderTest) -> tuple[str, ...]:
    """Run backward in training mode; the names of the parameters that it does not reach."""
    with tested.training_mode():
        backward(tested.outputs(), tested.seed)
        learning = {name: value for name, value in tested.model.named_parameters() if value.requires_grad}
        return tuple(name for name, parameter in learning.items() if parameter.grad is None)


def backward(outputs: list[torch.Tensor], seed: int) -> None:
    """Send a random direction back through all outputs: the sum alone has no gradient behind a normalisation."""
    generator = torch.Generator().manual_seed(seed)
    learned = [tensor for tensor in outputs if tensor.requires_grad]
    directions = [torch.randn(tensor.shape, generator=generator).to(tensor) for tensor in learned]
    torch.autograd.backward(learned, directions)


def _told(error: Exception, tested: ModelUnderTest) -> str:
    point = innermost(error, tested.project)
    where = f"line {point.span.start.line}: " if point is not None else ""
    return f"{where}{said(error)}"
