"""The dye of a tensor: which sample of the batch each of its values depends on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from resnet_lint.graph.node import Node
from resnet_lint.graph.samples import Crossing


@dataclass(frozen=True, eq=False)
class Dye:
    """`owners` broadcasts to the tensor and has the number of a sample, from 1, or 0 where no sample has a say.

    `owners` is None where the samples could not be followed. `crossings` are the calls at which one sample reached
    another on the way; `scattered_by` is the call after which no single axis tells the samples apart. `is_choice` is
    true for what is only computed from ranks, indices and masks, by which samples may be sorted on purpose.
    """

    owners: torch.Tensor | None
    crossings: frozenset[Crossing] = frozenset()
    scattered_by: Node | None = None
    is_choice: bool = False

    @cached_property
    def axis(self) -> int | None:
        """The axis along which the samples are; None where there is no such single axis."""
        if self.owners is None or self.scattered_by is not None:
            return None
        return next((axis for axis, size in enumerate(self.owners.shape) if size > 1), None)

    @cached_property
    def key(self) -> Any:
        """The same for dyes that are spread alike."""
        if self.owners is None:
            return None
        return tuple(self.owners.shape), bytes(self.owners.flatten().tolist())


UNKNOWN = Dye(None)


def batch_on(axis: int, rank: int, samples: int) -> torch.Tensor:
    """The owners of a tensor of this rank whose samples are along `axis`."""
    sizes = [samples if index == axis else 1 for index in range(rank)]
    return torch.arange(1, samples + 1, dtype=torch.uint8).view(sizes)


def along_one_axis(owners: torch.Tensor) -> torch.Tensor | None:
    """Owners of full size as those of the axis that decides them; None where no single axis does."""
    nobody = 255
    for axis in range(owners.dim()):
        others = [index for index in range(owners.dim()) if index != axis]
        highest = owners.amax(others, keepdim=True) if others else owners
        lowest = torch.where(owners == 0, nobody, owners)
        lowest = lowest.amin(others, keepdim=True) if others else lowest
        if bool(((lowest == highest) | (highest == 0)).all()):
            return highest
    return None


def aligned(owners: torch.Tensor, rank: int) -> torch.Tensor:
    """Owners for a tensor of a higher rank that theirs is broadcast to."""
    return owners.reshape((1,) * (rank - owners.dim()) + tuple(owners.shape))
