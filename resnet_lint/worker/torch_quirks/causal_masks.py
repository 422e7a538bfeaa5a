"""Keeps nn.TransformerEncoder and nn.TransformerDecoder from comparing the values of a mask on the meta device.

They ask whether a mask is the causal one, only to choose a faster kernel for it. On meta it has no values.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.modules import transformer

_NAME = "_detect_is_causal_mask"


def no_comparison_on_meta() -> None:
    """Install the patch; a no-op in a version of torch without that function."""
    original = getattr(transformer, _NAME, None)
    if original is None:
        return

    def detect(mask: torch.Tensor | None, is_causal: bool | None = None, size: int | None = None) -> Any:
        return is_causal is True if mask is not None and mask.is_meta else original(mask, is_causal, size)

    setattr(transformer, _NAME, detect)
