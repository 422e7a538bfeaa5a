"""Formats shapes."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.shared.records.model_trace import TracedTensor

from . import TraceView


def shape_text(tensor: TracedTensor, view: TraceView) -> str:
    """A shape as `56 x 56 x 64` (hwc: one sample, channels last) or as `(1, 64, 56, 56)` (nchw: as torch prints it)."""
    sizes = list(tensor.symbolic) if view.symbolic and tensor.symbolic is not None else list(map(str, tensor.shape))
    if view.form == "nchw":
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
    if tensor.channels is not None:
        sizes.append(sizes.pop(tensor.channels))
    return " x ".join(sizes[1:]) or "scalar"


def shapes_text(tensors: Sequence[TracedTensor], view: TraceView) -> str:
    """Several shapes; equal ones once, with their count."""
    texts = [shape_text(tensor, view) for tensor in tensors]
    unique = dict.fromkeys(texts)
    return ", ".join(f"{texts.count(text)} of {text}" if texts.count(text) > 1 else text for text in unique)
