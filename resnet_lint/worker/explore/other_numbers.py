"""Repeats the trial of a class with other numbers in place of guessed ones: what fails for both fails for any number.

`Net(num_classes)` whose last layer doesn't fit the one before it fails for any number of classes, while `Net(width)`
may only fail for the guessed width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from ..build.guess_arguments import Invented
from ..load.classes import ModelClass
from ..outside import odd_primes
from ..tracer.two_trials import fails_for_any
from .attempts import Attempts
from .traced_model import Traced


def trust_what_fails_for_any(
    model: ModelClass,
    arguments: Invented,
    guessed: Collection[str],
    attempts: Attempts,
    attempt: Callable[[Invented], None],
) -> None:
    """Repeat the trial of a class that runs in none, if all guessed arguments are numbers, and trust what fails again.

    `attempt` constructs and traces the class with other arguments.
    """
    first = _last_with(arguments, model, attempts)
    if first is None or not first.doubted or attempts.runs(model):
        return
    if not all(arguments.kwargs[name].isdigit() for name in guessed):
        return
    others = _with_other_numbers(arguments, guessed)
    attempt(others)
    again = _last_with(others, model, attempts)
    if again is not None:
        same = [fault for fault in first.doubted if any(fails_for_any(fault, other) for other in again.doubted)]
        if same:
            attempts.trust(first, tuple(same))


def _last_with(arguments: Invented, model: ModelClass, attempts: Attempts) -> Traced | None:
    of_class = (traced for traced in reversed(attempts.traced) if traced.model_class is model)
    return next((traced for traced in of_class if traced.invented is arguments), None)


def _with_other_numbers(arguments: Invented, guessed: Collection[str]) -> Invented:
    """Each guessed number as a different multiple, so that no two of them keep their ratio."""
    other = {name: str(int(arguments.kwargs[name]) * prime) for name, prime in zip(guessed, odd_primes(), strict=False)}
    return replace(arguments, kwargs={**arguments.kwargs, **other}, varied="other numbers")
