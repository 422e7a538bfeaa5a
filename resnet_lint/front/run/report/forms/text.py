"""The report on the terminal: what was predicted, what was measured, and whether they agree."""

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


def report(run: RunReport, cwd: Path, *, quiet: bool = False) -> str:
    """The whole run, or its last line where it is to be `quiet`; paths are shown relative to `cwd`."""
    blocks = [] if quiet else [_head(run, cwd), *_sections(run, cwd)]
    blocks.append(_summary(run))
    return "\n\n".join(filter(None, blocks)) + "\n"


def _head(run: RunReport, cwd: Path) -> str:
    setup = run.last.setup
    head = f"{shown(run.path, cwd)}: {one_line(setup.label)} {setup_line(run)}"
    if not setup.others:
        return head
    others = ", ".join(map(one_line, setup.others[:_MOST_NAMES]))
    return f"{head}\nother models of this file: {others}; --call names the one to run"


def setup_line(run: RunReport) -> str:
    """Where the model ran, and with which inputs."""
    setup = run.last.setup
    inputs = ", ".join(f"{name} {shape_text(shape)}" for name, shape in setup.inputs)
    return f"on {setup.device}, {setup.dtype}, {inputs}"


def _sections(run: RunReport, cwd: Path) -> Iterator[str]:
    if run.findings or run.original.confirmation.error:
        yield titled("As it is", tabulate(list(predictions(run, cwd)), tablefmt="plain", disable_numparse=True))
    yield from _confirmed(_outcome(run, cwd), run.last)
    yield cost_block(run)
    if run.last.gradients is not None:
        yield from gradient_blocks(run.last.gradients)
    if run.last.training is not None and run.verdict is not None:
        yield from _training_blocks(run.last.training, run.verdict)


def _training_blocks(trained: Trained, verdict: Verdict) -> Iterator[str]:
    yield from history_blocks(trained.history)
    if trained.evaluation is not None:
        yield from evaluation_blocks(trained.evaluation)
    yield verdict_block(verdict)
    yield "\n".join(training_notes(trained))


def training_notes(trained: Trained) -> Iterator[str]:
    """What else there is to say of a training, a line each."""
    training, validation = trained.samples
    yield f"{trained.data}: {training} samples for training, {validation} for validation"
    yield from trained.notes
    if trained.stopped is not None:
        yield f"stopped: {trained.stopped}"
    if trained.best:
        yield f"the metrics are those of epoch {trained.best}, which has the lowest validation loss"
        yield f"kept in {trained.checkpoint}; --resume goes on from there"


def _outcome(run: RunReport, cwd: Path) -> str:
    if run.rewrite is None:
        return "Confirmed" if run.last.confirmation.sound else "Not confirmed"
    done = f"written into {shown(run.path, cwd)}" if run.written else "in memory only; --fix writes the file"
    return f"Mended: {count(run.rewrite.fixed, 'finding')}, {done}"


def predictions(run: RunReport, cwd: Path) -> Iterator[tuple[str, str]]:
    """What the lint says of the file as it was, then what really happened; nothing where there is no trouble."""
    error = run.original.confirmation.error
    if not run.findings and error is None:
        return
    for each in run.findings:
        place = f"{shown(each.span.path, cwd)}:{each.span.start.line}"
        yield "predicted", f"{place}: {each.rule} {one_line(each.message)}"
    yield "measured", one_line(error) if error is not None else "it runs"


def _confirmed(title: str, result: Result) -> Iterator[str]:
    confirmation = result.confirmation
    if confirmation.stages:
        yield titled(title, _stage_table(confirmation))
    yield _checks(confirmation)


def _stage_table(confirmation: Confirmation) -> str:
    """The main stages, those that do not agree wherever they lie, and the count of all."""
    rows = [stage_row(stage) for stage in confirmation.stages if is_main(stage) or not stage.agrees]
    return tabulate(rows, ["stage", "class", "predicted", "measured", ""], disable_numparse=True)


def is_main(stage: StageShapes) -> bool:
    """Whether a stage is the model itself or one of its direct parts."""
    return "." not in stage.path


def stage_row(stage: StageShapes) -> tuple[str, ...]:
    """A stage as a row of the table."""
    return (
        stage.path or "(the model)",
        stage.kind,
        shapes_text(stage.predicted),
        shapes_text(stage.measured),
        "agrees" if stage.agrees else "DIFFERS",
    )


def _checks(confirmation: Confirmation) -> str:
    return tabulate(list(checks(confirmation)), tablefmt="plain", disable_numparse=True)


def checks(confirmation: Confirmation) -> Iterator[tuple[str, str]]:
    """What was confirmed, as pairs of a question and its answer."""
    if confirmation.stages:
        yield "stages that agree", f"{confirmation.agreeing} of {len(confirmation.stages)}"
    if confirmation.finite is not None:
        yield "outputs are finite", "yes" if confirmation.finite else "NO"
    if confirmation.repeatable is not None:
        yield "evaluation repeats", "yes" if confirmation.repeatable else "NO"
    if confirmation.first_value is not None:
        yield "first value for inputs of ones", str(round(confirmation.first_value, 6))
    if confirmation.error:
        yield "error", one_line(confirmation.error)
    else:
        yield "every parameter gets a gradient", _gradient_answer(confirmation.without_gradient)


def _gradient_answer(missing: tuple[str, ...]) -> str:
    if not missing:
        return "yes"
    more = f" and {len(missing) - _MOST_NAMES} more" if len(missing) > _MOST_NAMES else ""
    return f"NO: {', '.join(missing[:_MOST_NAMES])}{more}"


def shape_text(shape: Shape) -> str:
    """A shape as the table shows it: `2x64x56x56`; a number's own shape is empty, and shown as `scalar`."""
    return "x".join(map(str, shape)) or "scalar"


def shapes_text(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(map(shape_text, shapes)) or "none"


def _summary(run: RunReport) -> str:
    word = "confirmed" if run.last.confirmation.sound else "NOT confirmed"
    left = f"; {count(len(run.left), 'finding')} in the file" if run.left else ""
    return f"{word} on {run.last.setup.device}{left}; torch {run.last.torch}, {run.seconds:.1f} s"
