"""Finds out by experiment on which samples each value in the result of a call depends.

The call is repeated on random tensors, with the values of one sample changed at a time; the results that change depend
on this sample. Calls that only move values are executed on the owners themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..process.limits import TimeUp
from ..tensors import mapped, tensors_in
from ..tracer.torch_functions import plain_name
from .dye import along_one_axis

# The maximum total number of elements of the operands; larger calls are not tracked.
_LARGEST = 2**22


@dataclass(frozen=True, eq=False)
class Spread:
    """The dye of a result. `owners` have its full size if they depend on several axes.

    `mixed` is whether some value depends on several samples, `paired` whether there is a value per pair of samples.
    """

    owners: torch.Tensor | None
    is_scattered: bool = False
    mixed: bool = False
    paired: bool = False


class NotFollowedError(Exception):
    """The call cannot be repeated on other tensors of the same shapes."""


Owners = Mapping[int, torch.Tensor]
"""By the id of an operand."""


def moved_owners(func: Callable[..., Any], args: Any, kwargs: Any, owners: Owners) -> list[Spread] | None:
    """The dyes of the results of a call that only moves values; None for other calls, and for indexing."""
    name = plain_name(func)
    if name not in _MOVES or not _moves_only(func, args, kwargs, owners):
        return None
    if name in _PERMUTATIONS:  # of axes, whatever their sizes
        results = _results(func, mapped((args, kwargs), lambda value: owners.get(id(value), value)))
    else:
        results = _results(func, mapped((args, kwargs), lambda value: _as_owners(value, owners)))
    return [_spread(result.clone()) for result in results]


def by_experiment(func: Callable[..., Any], args: Any, kwargs: Any, owners: Owners, samples: int) -> list[Spread]:
    """The dyes of the results of a call. Raises NotFollowedError if the call does not accept other values."""
    tensors = {id(tensor): tensor for tensor in tensors_in((args, kwargs))}
    if sum(tensor.numel() for tensor in tensors.values()) > _LARGEST:
        raise NotFollowedError
    has_masks = any(tensor.dtype is torch.bool and id(tensor) not in owners for tensor in tensors.values())
    changed = _changes(func, args, kwargs, tensors, owners, samples, mask=False)
    if has_masks:
        masked = _changes(func, args, kwargs, tensors, owners, samples, mask=True)
        changed = [list(map(torch.logical_or, *both)) for both in zip(changed, masked, strict=True)]
    return [_judged(change, samples) for change in changed]


def _changes(
    func: Callable[..., Any],
    args: Any,
    kwargs: Any,
    tensors: Mapping[int, torch.Tensor],
    owners: Owners,
    samples: int,
    mask: bool,
) -> list[list[torch.Tensor]]:
    """The values that change, per result and sample."""
    numbers = torch.Generator().manual_seed(0)
    base = {key: _values(tensor, numbers, key in owners, mask) for key, tensor in tensors.items()}
    other = {key: _others(base[key], numbers) for key in owners if key in base}
    before = _made(func, args, kwargs, base)
    changed: list[list[torch.Tensor]] = [[] for _ in before]
    for sample in range(1, samples + 1):
        dyed = {key: torch.where(owners[key] == sample, values, base[key]) for key, values in other.items()}
        after = _made(func, args, kwargs, {**base, **dyed})
        if [value.shape for value in after] != [value.shape for value in before]:
            raise NotFollowedError
        for index, (one, two) in enumerate(zip(before, after, strict=True)):
            changed[index].append(~((one == two) | (torch.isnan(one) & torch.isnan(two))))
    return changed


def _made(func: Callable[..., Any], args: Any, kwargs: Any, values: Mapping[int, torch.Tensor]) -> list[torch.Tensor]:
    given = mapped((args, kwargs), lambda value: _real(value, values))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return _results(func, given)


def _results(func: Callable[..., Any], given: Any) -> list[torch.Tensor]:
    """The tensors that a call returns, or modifies if it returns none."""
    try:
        result = func(*given[0], **given[1])
    except TimeUp:
        raise
    except Exception as error:  # the call requires other values, such as for a decomposition
        raise NotFollowedError from error
    return list(tensors_in(result)) or [given[0][0]]


def _real(value: Any, values: Mapping[int, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return values[id(value)].clone()
    if isinstance(value, slice):
        return slice(*(_real(part, values) for part in (value.start, value.stop, value.step)))
    return torch.device("cpu") if isinstance(value, torch.device) or value == "meta" else value


def _values(tensor: torch.Tensor, numbers: torch.Generator, dyed: bool, mask: bool) -> torch.Tensor:
    """Values that are valid for logarithms, roots and probabilities; or valid indices for an axis of this size."""
    shape, dtype = tuple(tensor.shape), tensor.dtype
    if dtype.is_floating_point or dtype.is_complex:
        return (torch.rand(shape, generator=numbers) * 0.8 + 0.1).to(dtype)
    if dtype is torch.bool:
        return torch.full(shape, mask and not dyed)
    if dyed:
        return torch.zeros(shape, dtype=dtype)
    return (
        torch.arange(tensor.numel(), dtype=dtype).reshape(shape) if len(shape) == 1 else torch.zeros(shape, dtype=dtype)
    )


def _others(values: torch.Tensor, numbers: torch.Generator) -> torch.Tensor:
    if values.dtype.is_floating_point or values.dtype.is_complex:
        return (torch.rand(values.shape, generator=numbers) * 0.8 + 0.1).to(values.dtype)
    return 1 - values if values.dtype is not torch.bool else ~values


def _judged(changed: Sequence[torch.Tensor], samples: int) -> Spread:
    """The dye of a result, derived from its changes."""
    count = torch.zeros(changed[0].shape, dtype=torch.uint8)
    for where in changed:
        count += where
    if not bool((count > 1).any()):
        owners = torch.zeros(count.shape, dtype=torch.uint8)
        for sample, where in enumerate(changed, 1):
            owners[where] = sample
        return _spread(owners)
    together = [(one & two).any() for index, one in enumerate(changed) for two in changed[index + 1 :]]
    paired = int(count.max()) == 2 and all(map(bool, together)) and samples > 2
    return Spread(None, mixed=True, paired=paired)


def _spread(owners: torch.Tensor) -> Spread:
    if not bool(owners.any()):
        return Spread(None)
    axis = along_one_axis(owners)
    return Spread(axis) if axis is not None else Spread(owners, is_scattered=True)


def _as_owners(value: Any, owners: Owners) -> Any:
    if not isinstance(value, torch.Tensor):
        return torch.device("cpu") if isinstance(value, torch.device) else value
    known = owners.get(id(value))
    if known is None:
        return torch.zeros(value.shape, dtype=torch.uint8)
    return known.expand(value.shape).contiguous()


def _moves_only(func: Callable[..., Any], args: Any, kwargs: Any, owners: Owners) -> bool:
    """Whether no tensor argument is an index, and their total size is below the limit."""
    tensors = list(tensors_in((args, kwargs)))
    index = args[1] if plain_name(func) in ("getitem", "setitem") and len(args) > 1 else ()
    return next(tensors_in([index]), None) is None and sum(map(torch.numel, tensors)) <= 8 * _LARGEST


_PERMUTATIONS = frozenset({"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT"})
_MOVES = frozenset(
    _PERMUTATIONS
    | {
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "repeat",
        "tile",
        "repeat_interleave",
        "cat",
        "concat",
        "stack",
    }
    | {"concatenate", "hstack", "vstack", "dstack", "chunk", "split", "tensor_split", "unbind", "getitem", "setitem"}
    | {"narrow", "select", "roll", "flip", "fliplr", "flipud", "rot90", "unfold", "view_as"}
    | {"reshape_as", "broadcast_to", "diagonal", "tril", "triu", "channel_shuffle", "contiguous"}
)
