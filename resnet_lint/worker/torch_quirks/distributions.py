"""Keeps torch.distributions from validating the values of parameters and samples on the meta device.

`Categorical(logits=...)` asks whether all of its logits are numbers. On meta they have no values; shapes are validated
as usual.
"""

from __future__ import annotations

from typing import Any

import torch

_NAME = "_is_all_true"


def no_validation_on_meta() -> None:
    """Install the patch; a no-op in a version of torch without that function."""
    original = getattr(torch, _NAME, None)
    if original is None:
        return

    def is_all_true(valid: torch.Tensor) -> Any:
        return True if valid.is_meta else original(valid)

    setattr(torch, _NAME, is_all_true)
