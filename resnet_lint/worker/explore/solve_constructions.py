"""Solves for the arguments of a class that no guess constructs, or whose forward runs with none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..build.build import build
from ..build.guess_arguments import Invented, parameters_of
from ..build.solve_arguments import solved, solved_for
from ..feed.mismatches import Mismatch, mismatch_in
from ..load.classes import ModelClass
from ..process.file_clock import Clock
from ..process.limits import TimeUp
from .attempts import Attempts

Evaluate = Callable[[str], Callable[[], Any]]
"""What constructs the model of a call that is written as source."""

_MOST_SOLVED = 6
_SHARE = 0.5  # of the time of an attempt


def accepted(model: ModelClass, plain: Invented, evaluate: Evaluate, clock: Clock) -> Invented | None:
    """Arguments that the constructor takes; None where it takes none, or none were found in time."""
    if not plain.kwargs:
        return None

    def construct(arguments: Invented) -> BaseException | None:
        try:
            build(evaluate(arguments.call(model.name)))
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            return error
        return None

    try:
        with clock.one_attempt(_SHARE):
            return solved(plain, construct)
    except TimeUp:
        return None


def fitting(model: ModelClass, arguments: Invented, attempts: Attempts) -> list[Invented]:
    """Arguments for which two sizes may agree that differ in the last trace of the class.

    None where the constructor takes channels in and out: its contract knows for which of them the class works.
    """
    found = parameters_of(model.type)
    if (found.inputs and found.outputs) or attempts.runs(model):
        return []
    return [argument for mismatch in _mismatches(model, attempts) for argument in solved_for(arguments, mismatch)][
        :_MOST_SOLVED
    ]


def _mismatches(model: ModelClass, attempts: Attempts) -> Iterator[Mismatch]:
    last = next((traced for traced in reversed(attempts.traced) if traced.model_class is model), None)
    for fault in last.trace.all_faults if last is not None else ():
        mismatch = mismatch_in(fault.error)
        if mismatch is not None:
            yield mismatch
