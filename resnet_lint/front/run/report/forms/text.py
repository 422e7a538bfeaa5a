"""The text report of `resnet-lint run`: prediction, measurement, and whether they match."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from resnet_lint.front.report_text import count, one_line
from resnet_lint.shared.records.hardware_run import Confirmation, Result, RunReport, StageShapes, Trained, Verdict
from resnet_lint.shared.records.places import Shape
from resnet_lint.shared.source_text import shown

from ..measures import cost_block, gradient_blocks
from ..tables import evaluation_blocks, history_blocks, titled, verdict_block

_MOST_NAMES = 5
_FAILS = "it fails as predicted"


def report(run: RunReport, cwd: Path, *, quiet: bool = False) -> str:
    """The complete run, or only its last line if `quiet`; paths are relative to `cwd`."""
    blocks = [] if quiet else [_head(run, cwd), *_sections(run, cwd)]
    blocks.append(_summary(run))
    return "\n\n".join(filter(None, blocks)) + "\n"


def _head(run: RunReport, cwd: Path) -> str:
    setup = run.last.setup
    head = f"{shown(run.path, cwd)}: {one_line(setup.label)} {setup_line(run)}"
    if not setup.others:
        return head
    others = ", ".join(map(one_line, setup.others[:_MOST_NAMES]))
    return f"{head}\nother models in this file: {others}; select one with --call"


def setup_line(run: RunReport) -> str:
    """The device, dtype and input shapes of the run."""
    setup = run.last.setup
    inputs = ", ".join(f"{name} {shape_text(shape)}" for name, shape in setup.inputs)
    return f"on {setup.device}, {setup.dtype}, {inputs}"


def _sections(run: RunReport, cwd: Path) -> Iterator[str]:
    if run.findings or run.original.confirmation.error:
        yield titled(
            "Before the fix" if run.fixed else "Prediction",
            tabulate(list(predictions(run, cwd)), tablefmt="plain", disable_numparse=True),
        )
    yield from _comparison(_outcome(run, cwd), run.last)
    yield cost_block(run)
    if run.last.gradients is not None:
        yield from gradient_blocks(run.last.gradients)
    if run.last.training is not None and run.verdict is not None:
        yield from _training_blocks(run.last.training, run.verdict)


def _training_blocks(trained: Trained, verdict: Verdict) -> Iterator[str]:
    yield from history_blocks(trained.history)
    if trained.evaluation is not None:
        yield from evaluation_blocks(trained.evaluation)
    yield verdict_block(verdict, trained)
    yield "\n".join(training_notes(trained))


def training_notes(trained: Trained) -> Iterator[str]:
    """Notes on the training, one line each."""
    training, validation = trained.samples
    yield f"{trained.data}: {training} training samples, {validation} validation samples"
    yield from trained.notes
    if trained.stopped is not None:
        yield f"stopped: {trained.stopped}"
    if trained.best:
        yield f"metrics are those of epoch {trained.best}, which has the lowest validation loss"
        yield f"checkpoint: {trained.checkpoint} (continue with --resume)"


def _outcome(run: RunReport, cwd: Path) -> str:
    if run.rewrite is None:
        return outcome(run).capitalize()
    where = f"written to {shown(run.path, cwd)}" if run.written else "in memory only; write the file with --fix"
    return f"After the fix: {count(run.rewrite.fixed, 'finding')} fixed, {where}"


def outcome(run: RunReport) -> str:
    """Whether the last run confirmed the prediction, in words."""
    if run.last.confirmation.sound:
        return "confirmed"
    return f"confirmed: {_FAILS}" if run.fixed is None and run.fails_as_predicted else "not confirmed"


def predictions(run: RunReport, cwd: Path) -> Iterator[tuple[str, str]]:
    """The findings before any fix and the measured error, as rows; nothing if there are neither."""
    error = run.original.confirmation.error
    if not run.findings and error is None:
        return
    for finding in run.findings:
        place = f"{shown(finding.span.path, cwd)}:{finding.span.start.line}"
        yield "predicted", f"{place}: {finding.rule} {one_line(finding.message)}"
    yield "measured", one_line(error) if error is not None else "runs without an error"
    if run.fails_as_predicted:
        yield "confirmed", _FAILS


def _comparison(title: str, result: Result) -> Iterator[str]:
    confirmation = result.confirmation
    if confirmation.stages:
        yield titled(title, _stage_table(confirmation))
    yield _checks(confirmation)


def _stage_table(confirmation: Confirmation) -> str:
    """The main stages, and all stages that differ."""
    rows = [stage_row(stage) for stage in confirmation.stages if is_main(stage) or not stage.agrees]
    return tabulate(rows, ["stage", "class", "predicted", "measured", ""], disable_numparse=True)


def is_main(stage: StageShapes) -> bool:
    """Whether a stage is the model itself or one of its children."""
    return "." not in stage.path


def stage_row(stage: StageShapes) -> tuple[str, ...]:
    """The row of a stage in the table."""
    return (
        stage.path or "(the model)",
        stage.kind,
        shapes_text(stage.predicted),
        shapes_text(stage.measured),
        "matches" if stage.agrees else "DIFFERS",
    )


def _plain(rows: Iterator[tuple[str, ...]]) -> str:
    return tabulate(list(rows), tablefmt="plain", disable_numparse=True)


def _checks(confirmation: Confirmation) -> str:
    return _plain(checks(confirmation))


def checks(confirmation: Confirmation) -> Iterator[tuple[str, str]]:
    """The results of the checks, as pairs of name and result."""
    if confirmation.stages:
        yield "stages that match", f"{confirmation.agreeing} of {len(confirmation.stages)}"
    if confirmation.finite is not None:
        yield "finite outputs", "yes" if confirmation.finite else "NO"
    if confirmation.repeatable is not None:
        yield "deterministic in eval mode", "yes" if confirmation.repeatable else "NO"
    if confirmation.first_value is not None:
        yield "output.flatten()[0] for an all-ones input", str(round(confirmation.first_value, 6))
    if confirmation.error:
        yield "error", one_line(confirmation.error)
    else:
        yield "gradients for all parameters", _missing_gradients(confirmation.without_gradient)


def _missing_gradients(missing: tuple[str, ...]) -> str:
    if not missing:
        return "yes"
    more = f" and {len(missing) - _MOST_NAMES} more" if len(missing) > _MOST_NAMES else ""
    return f"NO, missing: {', '.join(missing[:_MOST_NAMES])}{more}"


def shape_text(shape: Shape) -> str:
    """A shape as torch prints it: `(2, 64, 56, 56)`."""
    return str(tuple(shape))


def shapes_text(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(map(shape_text, shapes)) or "none"


def _summary(run: RunReport) -> str:
    result = outcome(run).replace("not", "NOT")
    left = f"; {count(len(run.left), 'finding')} left in the file" if run.left else ""
    return f"{result} on {run.last.setup.device}{left}; torch {run.last.torch}, {run.seconds:.1f} s"
