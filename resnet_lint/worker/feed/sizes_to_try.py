"""Solves for input sizes at which two mismatched numbers are equal, by observing how they depend on the sizes.

For a linear layer that expects 400 features but gets 3136, `got - wanted` is 2736. With one input size doubled, it has
another value, and linear interpolation gives the size at which it is zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from .guess import Guesses
from .mismatches import Mismatch
from .rectangles import rectangles
from .situation import Axis, Situation

_LARGEST = 4096
# The sizes of patches and the strides of encoders.
_PATCHES = (32, 16, 14, 8)


def sizes_to_try(situation: Situation) -> Iterator[tuple[Guesses, Axis | None]]:
    """Guesses with one size changed; with the axis, if the purpose is to observe the effect of the change."""
    mismatch = situation.mismatch
    if mismatch is None:
        return
    for images in (_square_images, rectangles):
        yield from ((guesses, None) for guesses in images(situation, mismatch))
    solutions = list(_solutions(situation))
    for is_batch in (False, True):
        axes = [axis for axis in _axes(situation) if (axis.index == 0) == is_batch and not _counts_ids(situation, axis)]
        wanted = [(axis, mismatch.wanted, None) for axis in axes]
        likely = [pair for pair in wanted if situation.size_of(pair[0]) == mismatch.got]
        exchanged = [(axis, mismatch.got, None) for axis in axes if situation.size_of(axis) == mismatch.wanted]
        probes = [(axis, 2 * situation.size_of(axis), axis) for axis in axes if situation.changed is None]
        for axis, size, probed in (*solutions, *likely, *exchanged, *probes, *wanted):
            # A size of 1 broadcasts, so it is only informative for a batch, and for the channels of a layer.
            if 1 < size <= _LARGEST or (size == 1 and (is_batch or _is_of_layer(situation))):
                yield resized(situation, axis, size), probed


def solved_sizes(situation: Situation) -> Iterator[tuple[Guesses, Axis]]:
    """Guesses with the size at which the difference would be zero, if the last change of a size changed it."""
    for axis, size, _ in _solutions(situation):
        if 1 < size <= _LARGEST or (size == 1 and _is_of_layer(situation)):
            yield resized(situation, axis, size), axis


def _solutions(situation: Situation) -> Iterator[tuple[Axis, int, Axis]]:
    """The sizes at which the difference would be zero, by linear extrapolation from the last two sizes of an axis."""
    before, axis = situation.before, situation.changed
    now, earlier = situation.mismatch, before.mismatch if before is not None else None
    if before is None or axis is None or now is None or earlier is None or now.kind != earlier.kind:
        return
    step = situation.size_of(axis) - before.size_of(axis)
    slope = now.difference - earlier.difference
    if slope == 0 or step == 0 or situation.line != before.line:
        return
    exact = before.size_of(axis) - earlier.difference * step / slope
    for size in dict.fromkeys([round(exact), int(exact), int(exact) + 1]):
        yield axis, size, axis


def _square_images(situation: Situation, mismatch: Mismatch) -> Iterator[Guesses]:
    """Square images with the wanted number of patches: 577 embeddings instead of 197 at 224x224 ask for 384x384."""
    images = [(name, guess) for name, guess in situation.guesses.items() if len(guess.shape) == 4]
    for name, guess in images if len(images) == 1 and min(mismatch.got, mismatch.wanted) > 0 else ():
        side = math.sqrt(math.prod(guess.shape[2:]) * mismatch.wanted / mismatch.got)
        for side_of_patches in dict.fromkeys(patch * round(side / patch) for patch in _PATCHES):
            if 0 < side_of_patches <= _LARGEST:
                yield {**situation.guesses, name: replace(guess, shape=(*guess.shape[:2], *(2 * (side_of_patches,))))}


def _counts_ids(situation: Situation, axis: Axis) -> bool:
    """Whether an axis is the batch of one id per sample; a layer that lacks features would fit by coincidence."""
    guess = situation.guesses[axis.name]
    return guess.shape[1:] == () and guess.dtype == torch.int64 and _is_of_layer(situation)


def _is_of_layer(situation: Situation) -> bool:
    faults = situation.trace.all_faults
    return bool(faults) and faults[0].kind == "layer"


def _axes(situation: Situation) -> Iterator[Axis]:
    """All axes of all inputs, last axes first."""
    guesses = situation.guesses
    deepest = max((len(guess.shape) for guess in guesses.values()), default=0)
    for back in range(1, deepest + 1):
        for name, guess in guesses.items():
            if len(guess.shape) >= back:
                yield Axis(name, len(guess.shape) - back)


def resized(situation: Situation, axis: Axis, size: int) -> Guesses:
    guess = situation.guesses[axis.name]
    shape = tuple(size if index == axis.index else old for index, old in enumerate(guess.shape))
    return {**situation.guesses, axis.name: replace(guess, shape=shape)}
