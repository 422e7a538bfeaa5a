"""What the epochs of a training show: an observation for each, and what to make of the whole curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from resnet_lint.shared.records.hardware_run import Epoch

# By how much of its first value the loss falls in an epoch.
_FAST, _STEADY, _SLOW = 0.05, 0.02, 0.005

# How many epochs back a curve is looked at, and what counts as movement there.
_WINDOW = 5
_STILL = 0.02
_JUMP = 0.2


def observations(history: Sequence[Epoch]) -> list[str]:
    """One observation for each epoch, in the light of those before it."""
    return [_observation(history[:index], epoch) for index, epoch in enumerate(history)]


def _observation(before: Sequence[Epoch], epoch: Epoch) -> str:
    if not math.isfinite(epoch.loss):
        return "the loss is no longer a number"
    if not before:
        return "the start"
    last = before[-1]
    if _validation_turns(last, epoch):
        return "overfitting: the training loss falls, the validation loss rises"
    fall = (last.loss - epoch.loss) / max(epoch.number - last.number, 1) / max(abs(before[0].loss), 1e-12)
    if fall >= _FAST:
        return "still falling fast"
    if fall >= _STEADY:
        return "steady: still falling"
    if fall >= _SLOW:
        return "nearly converged: falling slowly"
    return "converged" if fall > -_SLOW else "the loss rises"


def _validation_turns(last: Epoch, epoch: Epoch) -> bool:
    if last.val_loss is None or epoch.val_loss is None:
        return False
    return epoch.loss < last.loss and epoch.val_loss > last.val_loss * (1 + _STILL)


def stuck(history: Sequence[Epoch]) -> bool:
    """Whether the accuracy has stopped moving over the last epochs."""
    latest = [epoch.accuracy for epoch in history[-_WINDOW:]]
    return len(latest) == _WINDOW and max(latest) - min(latest) < _STILL


def unstable(history: Sequence[Epoch]) -> bool:
    """Whether the loss has jumped up within the last epochs."""
    latest = [epoch.loss if epoch.val_loss is None else epoch.val_loss for epoch in history[-_WINDOW:]]
    return any(after > before * (1 + _JUMP) for before, after in pairwise(latest))
