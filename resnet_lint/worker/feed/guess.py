"""A guessed input of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from resnet_lint.shared.records.places import Shape

BATCH = 2
STEPS = 16  # the length of a sequence, the number of nodes of a graph


@dataclass(frozen=True)
class Guess:
    """A guessed input: a tensor with a shape (batch first) and dtype, or another kind of value.

    An integer is the first size in `shape`.
    """

    shape: Shape
    dtype: torch.dtype = torch.float32
    kind: Literal["tensor", "number", "module", "nothing"] = "tensor"

    def tensor(self) -> torch.Tensor:
        return torch.empty(self.shape, dtype=self.dtype, device="meta")

    def value(self) -> Any:
        """The value to pass to forward()."""
        if self.kind == "tensor":
            return self.tensor()
        return {"number": self.shape[0] if self.shape else 1, "module": nn.Identity()}.get(self.kind)


Guesses = Mapping[str, Guess]
"""Guesses by parameter name; for those in lists and dicts, with index or key: `features.0`, `batch.image`."""
