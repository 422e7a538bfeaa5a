"""The run before the fix and the run after it, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from resnet_lint.shared.records.hardware_run import Confirmation, RunReport, StageShapes

from .text import checks, is_main, shapes_text

_NOT_REACHED = "not reached"


@dataclass(frozen=True)
class StageRow:
    """The cells of a stage, whether it is a child of the model, and whether its shapes differ from the prediction."""

    cells: tuple[str, ...]
    is_main: bool
    differs: bool


def compared_checks(run: RunReport) -> list[tuple[str, ...]]:
    """The results of the checks by name, below a row of headers; with a column per run if the model was fixed."""
    if run.fixed is None:
        return [("", ""), *checks(run.original.confirmation)]
    before, after = dict(checks(run.original.confirmation)), dict(checks(run.fixed.confirmation))
    names = dict.fromkeys([*before, *after])
    rows = [(name, before.get(name, _NOT_REACHED), after.get(name, "no" if name == "error" else "")) for name in names]
    return [("", "before the fix", "after the fix"), *rows]


def stage_headers(run: RunReport) -> tuple[str, ...]:
    """The headers of `compared_stages`."""
    if run.fixed is None:
        return ("stage", "class", "predicted", "measured", "")
    return ("stage", "class", "before the fix", "predicted after it", "measured after it", "")


def compared_stages(run: RunReport) -> Iterator[StageRow]:
    """The stages of the last run, with what they gave before the fix."""
    before = _first_by_path(run.original.confirmation)
    for stage in run.last.confirmation.stages:
        sides = [shapes_text(stage.predicted), shapes_text(stage.measured)]
        if run.fixed is not None:
            earlier = before.get(stage.path)
            sides.insert(0, _NOT_REACHED if earlier is None else shapes_text(earlier.measured))
        last = "matches" if stage.agrees else "DIFFERS"
        yield StageRow((stage.path or "(the model)", stage.kind, *sides, last), is_main(stage), not stage.agrees)


def _first_by_path(confirmation: Confirmation) -> Mapping[str, StageShapes]:
    return {stage.path: stage for stage in reversed(confirmation.stages or confirmation.reached)}
