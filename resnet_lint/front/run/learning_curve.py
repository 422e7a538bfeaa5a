"""Interprets a training history: an observation per epoch, and properties of the whole curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from resnet_lint.shared.records.hardware_run import Epoch

# Decrease of the loss per epoch, relative to its first value.
_FAST, _STEADY, _SLOW = 0.05, 0.02, 0.005

# The number of last epochs to consider, and the relative changes that count.
_WINDOW = 5
_STILL = 0.02
_JUMP = 0.2


def observations(history: Sequence[Epoch]) -> list[str]:
    """One observation per epoch, compared with the epochs before it."""
    return [_observation(history[:index], epoch) for index, epoch in enumerate(history)]


def _observation(before: Sequence[Epoch], epoch: Epoch) -> str:
    if not math.isfinite(epoch.loss):
        return "non-finite loss"
    if not before:
        return "first epoch"
    last = before[-1]
    if _validation_rises(last, epoch):
        falls = epoch.loss < last.loss
        return f"validation loss rises{' while training loss falls: overfitting' if falls else ''}"
    fall = (last.loss - epoch.loss) / max(epoch.number - last.number, 1) / max(abs(before[0].loss), 1e-12)
    if fall >= _FAST:
        return "still falling fast"
    if fall >= _STEADY:
        return "steady: still falling"
    if fall >= _SLOW:
        return "nearly converged: falling slowly"
    return "converged" if fall > -_SLOW else "training loss rises"


def _validation_rises(last: Epoch, epoch: Epoch) -> bool:
    if last.val_loss is None or epoch.val_loss is None:
        return False
    return epoch.val_loss > last.val_loss * (1 + _STILL)


def stuck(history: Sequence[Epoch]) -> bool:
    """Whether the accuracy has not changed over the last epochs."""
    latest = [epoch.accuracy for epoch in history[-_WINDOW:]]
    return len(latest) == _WINDOW and max(latest) - min(latest) < _STILL


def unstable(history: Sequence[Epoch]) -> str | None:
    """Which loss jumped up within the last epochs, `training` or `validation`; None if neither did.

    A validation loss that does not fall again has risen, which is overfitting and no jump.
    """
    latest = history[-_WINDOW:]
    if any(_jumps(before.loss, after.loss) for before, after in pairwise(latest)):
        return "training"
    losses = [epoch.val_loss for epoch in latest if epoch.val_loss is not None]
    jumps = (end for end, pair in enumerate(pairwise(losses), 1) if _jumps(*pair))
    return "validation" if any(min(losses[end:]) * (1 + _JUMP) < losses[end] for end in jumps) else None


def _jumps(before: float, after: float) -> bool:
    return after > before * (1 + _JUMP)


def risen_from(history: Sequence[Epoch]) -> Epoch | None:
    """The epoch with the lowest validation loss, if the validation loss has risen since; else None."""
    measured = [epoch for epoch in history if epoch.val_loss is not None]
    lowest = min(measured, key=lambda epoch: epoch.val_loss or 0.0, default=None)
    return lowest if lowest is not None and _validation_rises(lowest, measured[-1]) else None
