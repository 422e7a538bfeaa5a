"""Images that are not square, for models of one image size: 24x92 for a table of 6 * 23 positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from resnet_lint.graph.fault import Fault
from resnet_lint.shared.records.places import Shape

from .guess import Guesses
from .mismatches import Mismatch
from .situation import Situation

_MOST_PAIRS = 3
_MOST_EXTRA = 2  # tokens that are no positions: of the class, of the distillation
_SMALLEST_SIDE = 8


def rectangles(situation: Situation, mismatch: Mismatch) -> Iterator[Guesses]:
    """The images whose flattened map has as many positions as a layer or a table expects, almost square ones first."""
    images = [(name, guess) for name, guess in situation.guesses.items() if len(guess.shape) == 4]
    shape = _map_behind(situation.trace.all_faults[0]) if situation.trace.all_faults else None
    if len(images) != 1 or shape is None or math.prod(shape[2:]) <= 1:
        return
    [(name, guess)] = images
    positions = _positions(mismatch, math.prod(shape[2:]))
    for pair in islice(_factors(positions), _MOST_PAIRS) if positions is not None else ():
        for sides in dict.fromkeys([pair, pair[::-1]]):
            sizes = tuple(map(_size_for, sides, shape[2:], guess.shape[2:]))
            if min(sizes) >= _SMALLEST_SIDE:
                yield {**situation.guesses, name: replace(guess, shape=(*guess.shape[:2], *sizes))}


def is_by_coincidence(situation: Situation) -> bool:
    """Whether an image has this size only because a table of 8 * 8 positions has none for a token: 7 * 9 + 1 is 64."""
    before = situation.before
    while before is not None:
        shape = _map_behind(before.trace.all_faults[0]) if before.trace.all_faults else None
        mismatch = before.mismatch
        if shape is not None and mismatch is not None and _lacks_token(mismatch, math.prod(shape[2:])):
            return True
        before = before.before
    return False


def _lacks_token(mismatch: Mismatch, now: int) -> bool:
    return 0 < mismatch.got - now <= _MOST_EXTRA < now and math.isqrt(mismatch.wanted) ** 2 == mismatch.wanted


def _map_behind(fault: Fault) -> Shape | None:
    """The shape of the last map before a fault, if a single path leads from it to the fault."""
    node = fault.node
    while len(node.activations) == 1:
        [node] = node.activations
        if node.kind == "input":
            break
        if node.shape is not None and len(node.shape) == 4:
            return node.shape
    return None


def _positions(mismatch: Mismatch, now: int) -> int | None:
    """The number of positions that is expected, where `now` positions give what the model gets.

    Extra tokens count only if the expected number is no square: 64 for 8 * 8 positions and a token is a mistake.
    """
    if mismatch.got == 0 or now == 0:
        return None
    per_position, extra = divmod(mismatch.got, now)
    if extra == 0:
        return mismatch.wanted // per_position if mismatch.wanted % per_position == 0 else None
    is_token = per_position == 1 and extra <= _MOST_EXTRA and not _lacks_token(mismatch, now)
    return mismatch.wanted - extra if is_token else None


def _factors(number: int) -> Iterator[tuple[int, int]]:
    """The pairs of numbers with this product, the most similar ones first."""
    return ((low, number // low) for low in range(math.isqrt(number), 0, -1) if number % low == 0)


def _size_for(side: int, side_now: int, size_now: int) -> int:
    """The size of the image for a side of the map: by the stride of the encoder, a power of two unless it divides."""
    exact = size_now % side_now == 0
    stride = size_now // side_now if exact else 1 << max(int(math.log2(size_now / side_now)), 0)
    return size_now + (side - side_now) * stride
