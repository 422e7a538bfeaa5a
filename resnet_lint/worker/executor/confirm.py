"""The proof on real tensors: forward and backward, with what they show set beside what the trace predicted."""

from __future__ import annotations

from dataclasses import replace

import torch

from resnet_lint.shared.error_text import said
from resnet_lint.shared.records.hardware_run import Confirmation

from ..tracer.trace import innermost
from .memory import is_out_of_memory, told_out_of_memory
from .stages import compared, watched
from .subject import Subject, filled_with_ones


def confirm(subject: Subject) -> Confirmation:
    """Run a model forward twice and backward once. An error of the model ends the confirmation and is part of it."""
    seen = Confirmation()
    try:
        with torch.no_grad(), watched(subject.model.eval()) as measured:
            first = subject.outputs()
        seen = replace(seen, stages=compared(subject.expected, measured), finite=_finite(first))
        with torch.no_grad():
            seen = replace(
                seen,
                repeatable=_alike(first, subject.outputs()),
                first_value=_first_value(subject.outputs(filled_with_ones(subject.inputs))),
            )
        return replace(seen, without_gradient=_without_gradient(subject))
    except Exception as error:
        if is_out_of_memory(error):
            raise told_out_of_memory(subject.record.batch, subject.device) from error
        return replace(seen, error=_told(error, subject))


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


def _without_gradient(subject: Subject) -> tuple[str, ...]:
    """Run backward in training mode; the names of the parameters that it does not reach."""
    with subject.practice():
        backward(subject.outputs(), subject.seed)
        learning = {name: value for name, value in subject.model.named_parameters() if value.requires_grad}
        return tuple(name for name, parameter in learning.items() if parameter.grad is None)


def backward(outputs: list[torch.Tensor], seed: int) -> None:
    """Send a random direction back through all outputs: the sum alone has no gradient behind a normalisation."""
    generator = torch.Generator().manual_seed(seed)
    learned = [tensor for tensor in outputs if tensor.requires_grad]
    directions = [torch.randn(tensor.shape, generator=generator).to(tensor) for tensor in learned]
    torch.autograd.backward(learned, directions)


def _told(error: Exception, subject: Subject) -> str:
    point = innermost(error, subject.project)
    where = f"line {point.span.start.line}: " if point is not None else ""
    return f"{where}{said(error)}"
