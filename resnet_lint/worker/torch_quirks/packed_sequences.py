"""Results of packing sequences on meta: their sizes depend on the lengths, which are unknown without data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

Pair = tuple[torch.Tensor, torch.Tensor]


def packed_result(func: Callable[..., Any], args: tuple[Any, ...], *, shorter: bool) -> tuple[torch.Tensor, ...] | None:
    """A possible result on meta, with all sequences of full length, or one step `shorter`.

    None for other functions, or wrong shapes.
    """
    name = str(getattr(func, "__name__", ""))
    if name == "_pack_padded_sequence":
        return _packed(*args, left_out=1 if shorter else 0)
    make = _RESULTS.get(name)
    return make(*args) if make is not None else None


def _packed(sequences: torch.Tensor, lengths: torch.Tensor, batch_first: bool, *, left_out: int) -> Pair | None:
    """(T, B, *) and (B,) -> (T * B, *) and (T,), which recurrent layers read as numbers: a real tensor."""
    if sequences.dim() < 2 or 0 in sequences.shape:
        return None
    batch, steps = sequences.shape[:2] if batch_first else sequences.shape[1::-1]
    steps -= left_out
    if tuple(lengths.shape) != (batch,) or steps < 1:
        return None
    return sequences.new_empty((steps * batch, *sequences.shape[2:])), torch.full((steps,), batch)


def _padded(values: torch.Tensor, batch_sizes: torch.Tensor, batch_first: bool, padding: float, total: int) -> Pair:
    """(T * B, *) and (T,) -> (total, B, *) and (B,)."""
    batch = values.shape[0] // len(batch_sizes)
    first = (batch, total) if batch_first else (total, batch)
    return values.new_empty((*first, *values.shape[1:])), batch_sizes.new_empty(batch)


def _recurrent(values: torch.Tensor, batch_sizes: torch.Tensor, states: Any, weights: Any, *rest: Any) -> Any:
    """(T * B, *) -> (T * B, H) and the states; None for a layer whose input is not packed."""
    if not isinstance(batch_sizes, torch.Tensor) or batch_sizes.is_floating_point():
        return None
    last = states if isinstance(states, torch.Tensor) else states[0]
    directions = 2 if rest[-1] else 1
    output = values.new_empty((values.shape[0], directions * last.shape[-1]))
    return (output, *([states] if isinstance(states, torch.Tensor) else states))


_RESULTS: Mapping[str, Callable[..., Any]] = {
    "_pad_packed_sequence": _padded,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
}
