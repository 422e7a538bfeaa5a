"""The dye of a tensor: the sample of the batch on which each of its values depends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from resnet_lint.graph.node import Node
from resnet_lint.graph.samples import Crossing


@dataclass(eq=False)
class Dye:
    """The samples on which a tensor depends.

    `owners` broadcasts to the tensor and contains sample numbers from 1, or 0 for values that depend on no sample; it
    is None if unknown. `crossings` are the earlier calls at which samples were mixed; `scattered_by` is the call after
    which the samples are not along a single axis. `is_choice` is whether it depends only on ranks, indices and masks,
    by which samples may be sorted on purpose.
    """

    owners: torch.Tensor | None
    crossings: frozenset[Crossing] = frozenset()
    scattered_by: Node | None = None
    is_choice: bool = False

    @cached_property
    def axis(self) -> int | None:
        """The axis of the samples; None if there is no single one."""
        if self.owners is None or self.scattered_by is not None:
            return None
        return next((axis for axis, size in enumerate(self.owners.shape) if size > 1), None)

    @property
    def is_of_one_sample(self) -> bool:
        """Whether all values depend on the same sample."""
        return self.owners is not None and len(set(self.owners.flatten().tolist())) == 1

    @cached_property
    def key(self) -> Any:
        """A key that is equal for dyes with the same distribution."""
        if self.owners is None:
            return None
        return tuple(self.owners.shape), bytes(self.owners.flatten().tolist())


UNKNOWN = Dye(None)


def batch_on(axis: int, rank: int, samples: int) -> torch.Tensor:
    """The owners of a tensor of this rank with its samples along `axis`."""
    sizes = [samples if index == axis else 1 for index in range(rank)]
    return torch.arange(1, samples + 1, dtype=torch.uint8).view(sizes)


def along_one_axis(owners: torch.Tensor) -> torch.Tensor | None:
    """Reduce owners of full size to a single axis; None if they depend on several axes."""
    no_owner = 255
    for axis in range(owners.dim()):
        others = [index for index in range(owners.dim()) if index != axis]
        highest = owners.amax(others, keepdim=True) if others else owners
        lowest = torch.where(owners == 0, no_owner, owners)
        lowest = lowest.amin(others, keepdim=True) if others else lowest
        if bool(((lowest == highest) | (highest == 0)).all()):
            return highest
    return None


def aligned(owners: torch.Tensor, rank: int) -> torch.Tensor:
    """Broadcast owners to a tensor of higher rank."""
    return owners.reshape((1,) * (rank - owners.dim()) + tuple(owners.shape))
