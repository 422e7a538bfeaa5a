"""Compares the models of a file before and after a fix: those that ran must behave as before."""

from __future__ import annotations

import ast
import re

from resnet_lint.shared.records.reports import FileReport, Outcome


def is_kept(before: FileReport, after: FileReport, *, completes: bool = False, rebuilds: bool = False) -> bool:
    """Whether every model that was traced again within the time limit behaves as before, as far as it ran.

    If a fix `completes` calls with names that no line read, blocks with guessed arguments may keep the size of their
    input now: they lacked the same padding, and nothing in the file says that they shrink their input. A model that
    failed may have fewer additions now: its blocks add nothing where they get the stride that was lost. Where the
    input is guessed, it may have another size than the one at which the mistake made the model run.

    If a fix `rebuilds` later blocks with other widths, a model that failed may have fewer projections now, but not
    fewer additions. A model that failed at the input of the file and ran at an invented one, which fits the mistake,
    need not take that any more.
    """
    failed = {old.label for old in before.outcomes if old.shapes is None}
    return all(
        any(
            _runs_as_before(old, new)
            or (old.label in failed and _runs_at_another_size(old, new))
            or (completes and _is_completed(old, new))
            or (rebuilds and _runs_now(old, new) and new.additions >= old.additions)
            for new in after.outcomes
            if new.label == old.label
        )
        for old in before.outcomes
        if old.label in {new.label for new in after.outcomes}
    )


def _is_completed(old: Outcome, new: Outcome) -> bool:
    """Whether a model behaves as its calls say now, with names that no line read before."""
    return _keeps_size_now(old, new) or _runs_now(old, new) or _runs_at_another_size(old, new)


def _runs_as_before(old: Outcome, new: Outcome) -> bool:
    """Whether a model that ran has the same weights and shapes, and whether no model has fewer additions or layers.

    A flag that is restricted in the wrong place removes skip connections from other blocks, which shapes don't show.
    """
    same_shapes = old.shapes is None or (new.shapes, new.weights) == (old.shapes, old.weights)
    return same_shapes and _runs_as_much(old, new)


def _runs_as_much(old: Outcome, new: Outcome) -> bool:
    return new.additions >= old.additions and new.layers >= old.layers


def _runs_now(old: Outcome, new: Outcome) -> bool:
    """Whether a model that failed runs now."""
    return old.shapes is None and new.shapes is not None


def _runs_at_another_size(old: Outcome, new: Outcome) -> bool:
    """Whether a model takes a guessed input of another size, and does no less."""
    inputs = [(outcome.shapes or "").partition(" -> ")[0] for outcome in (old, new)]
    return new.shapes is not None and inputs[0] != inputs[1] and _runs_as_much(old, new)


def _keeps_size_now(old: Outcome, new: Outcome) -> bool:
    """Whether a block with guessed arguments keeps the size of its input, and did not before."""
    same = old.guessed and new.weights == old.weights and _runs_as_much(old, new)
    return same and _keeps_size(new) and not _keeps_size(old)


def _keeps_size(outcome: Outcome) -> bool:
    """Whether the maps that a model gives have the size of those that it takes: `[(2, 8, 9, 9)] -> [(2, 4, 9, 9)]`."""
    given, _, made = (outcome.shapes or "").partition(" -> ")
    sizes = [{shape[2:] for shape in _shapes(text)} for text in (given, made)]
    return sizes[0] == sizes[1] and len(sizes[0]) == 1


def _shapes(text: str) -> list[tuple[int, ...]]:
    return [shape for shape in _all_shapes(text) if len(shape) > 3]


def _all_shapes(text: str) -> list[tuple[int, ...]]:
    return [ast.literal_eval(shape) for shape in re.findall(r"\([\d, ]+\)", text)]


def widths_are_kept(before: FileReport, after: FileReport) -> bool:
    """Whether no layer of a model gives other channels: a normalization gives as many as it takes."""
    found = {(outcome.label, outcome.widths) for outcome in before.outcomes}
    labels = {label for label, _ in found}
    return {(outcome.label, outcome.widths) for outcome in after.outcomes if outcome.label in labels} <= found


def gives_what_was_assumed(before: FileReport, after: FileReport) -> bool:
    """Whether no model with a single output gives other channels than where only its layers got wrong widths.

    A classifier whose number of classes is changed so that its input fits gives another number of scores.
    """
    assumed = [(old, new) for old in before.outcomes for new in after.outcomes if old.label == new.label]
    return not any(_gives_other_channels(old.assumed, new.shapes) for old, new in assumed)


def _gives_other_channels(assumed: str | None, shapes: str | None) -> bool:
    """Whether two models with one output, a vector of features or a map, give other channels."""
    given = [_all_shapes((text or "").partition(" -> ")[2]) for text in (assumed, shapes)]
    if [len(shapes) for shapes in given] != [1, 1]:
        return False
    [one], [other] = given
    return len(one) == len(other) != 3 and one[1:2] != other[1:2]
