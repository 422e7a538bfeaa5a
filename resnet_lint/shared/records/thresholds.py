"""The thresholds of the verdict: apart from the other records of a run, because the command line needs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Minimum accuracy, minimum precision, recall and F1 of the worst class, and the maximum of validation loss minus
    training loss. `gates` are the names of those that the user has set: missing one is a failure.
    """

    accuracy: float = 0.90
    precision: float = 0.85
    recall: float = 0.85
    f1: float = 0.85
    loss_gap: float = 0.25
    gates: frozenset[str] = frozenset()
