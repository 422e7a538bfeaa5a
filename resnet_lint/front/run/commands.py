"""The commands `run` and `metrics`. Imports that take long are inside the functions, to keep --help fast."""

from __future__ import annotations

import errno
import functools
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.thresholds import Thresholds
from resnet_lint.shared.write_file import write_atomically

from ..options.command_options import takes_a_model
from ..options.configuration import Given
from ..write_report import require_folder, write_report

if TYPE_CHECKING:
    from resnet_lint.shared.records.hardware_run import Training

DTYPES = ("float32", "float64", "bfloat16", "float16")
_CHECKPOINTS = "checkpoints"  # the default folder, in the working directory

_GATES = (
    ("--min-accuracy", "accuracy", "Minimum accuracy"),
    ("--min-precision", "precision", "Minimum precision of every class"),
    ("--min-recall", "recall", "Minimum recall of every class"),
    ("--min-f1", "f1", "Minimum F1 of every class"),
    ("--max-loss-gap", "loss_gap", "Maximum of validation loss minus training loss"),
)


def _gates(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that turn thresholds of the verdict into gates; the command gets them as `thresholds`."""

    @functools.wraps(command)
    def with_thresholds(**options: Any) -> int:
        given = {name: options.pop(name) for _, name, _ in _GATES}
        given = {name: value for name, value in given.items() if value is not None}
        return command(**options, thresholds=Thresholds(**given, gates=frozenset(given)))

    for spelling, name, help in reversed(_GATES):
        is_gap = name == "loss_gap"
        range = click.FloatRange(min=0) if is_gap else click.FloatRange(0, 1)
        side = "above" if is_gap else "below"
        text = f"{help}; exit with 1 if {side}. The verdict alone uses {getattr(Thresholds, name):g} by default."
        with_thresholds = click.option(spelling, name, metavar="X", type=range, help=text)(with_thresholds)
    return with_thresholds


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@_gates
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="Output format.")
@click.option(
    "--report", metavar="FILE", type=click.Path(path_type=Path), help="Also write an HTML report with charts."
)
def metrics(file: Path, thresholds: Thresholds, form: str, report: Path | None) -> int:
    """Evaluate a classifier from a table of its predictions, or of its training history; - reads standard input.

    The header names the columns: label,prediction[,score] or epoch,loss,accuracy[,val_loss]. Usual other names, such as
    y_true,y_pred, and the metrics.csv of Lightning are read too, with commas, semicolons or tabs. So are event files of
    TensorBoard, a column of probabilities per class (label,prob_cat,prob_dog), and several labels per sample
    (true_cat,true_dog,pred_cat,pred_dog of 0 and 1, or lists).

    Exit code 0: all gates passed. 1: a gate was missed. 2: the file could not be read.
    """
    from . import pipeline
    from .report.forms.metrics import as_json, as_text
    from .report.forms.page import metrics_page

    _require_report(report)
    result = pipeline.metrics(file, thresholds)
    _write_page(report, lambda: metrics_page(result, Path.cwd()))
    click.echo(as_json(result, Path.cwd()) if form == "json" else as_text(result), nl=False)
    return int(bool(result.verdict.missed))


@click.command()
@takes_a_model
@click.option(
    "--device", metavar="DEVICE", default="auto", help="cpu, cuda, cuda:1 or mps. Default: the fastest available."
)
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="dtype of weights and inputs.")
@click.option("--batch", metavar="N", type=click.IntRange(min=1), help="Batch size. Default: that of the trace.")
@click.option("--seed", metavar="N", type=int, default=0, help="Random seed of weights and data. Default: 0.")
@click.option(
    "--fix", is_flag=True, help="Write the verified fixes to the file; by default they are applied in memory only."
)
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that change the result of code that runs.")
@click.option("--train", is_flag=True, help="Also train and evaluate the model.")
@click.option(
    "--data", metavar="DATA", help="digits (default), a folder of class folders, an .npz file, or module:factory."
)
@click.option("--epochs", metavar="N", type=click.IntRange(min=1), help="Maximum number of epochs. Default: 20.")
@click.option(
    "--lr", metavar="X", type=click.FloatRange(0, min_open=True), help="Initial learning rate. Default: 0.001."
)
@click.option(
    "--patience",
    metavar="N",
    type=click.IntRange(min=1),
    help="Early stopping: epochs without a lower validation loss. Default: 5.",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Checkpoint file. Default: checkpoints/NAME.pt.",
)
@click.option("--resume", is_flag=True, help="Resume training from the checkpoint.")
@_gates
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="Output format.")
@click.option(
    "--report", metavar="FILE", type=click.Path(path_type=Path), help="Also write an HTML report with charts."
)
def run(
    path: str,
    given: Given,
    device: str,
    dtype: str,
    batch: int | None,
    seed: int,
    fix: bool,
    unsafe_fixes: bool,
    thresholds: Thresholds,
    form: str,
    report: Path | None,
    **training: Any,
) -> int:
    """Check the prediction by running the model on real hardware, before and after the fix.

    Exit code 0: the model runs as predicted, and no error is left in the file. 1: a check failed. 2: it could not run.
    """
    from resnet_lint.shared.records.hardware_run import RunRequest

    from ..terminal import Status
    from ..warm.automatic import provider
    from ..workers.interpreter import chooser
    from ..workers.worker_client import WorkerClient
    from . import pipeline
    from .report.forms import json, text
    from .report.forms.page import run_page

    _require_report(report)
    cwd = Path.cwd()
    defaults = {"unsafe_fixes": True} if unsafe_fixes else {}
    training_plan = _training(path, **training)
    is_first = os.environ.get("RANK", "0") == "0"  # under torchrun, only rank 0 writes and reports
    request = RunRequest(path, device=device, dtype=dtype, batch=batch, seed=seed, training=training_plan)
    plan = pipeline.plan(path, given, request, fix=fix and is_first, cwd=cwd, **defaults)
    settings = plan.settings
    require_folder(settings.output_of_model)
    choose = chooser(settings.python, Path(plan.request.path))
    with Status(sys.stderr, quiet=settings.quiet) as status, WorkerClient(choose, provider(settings)) as workers:
        result = pipeline.run(plan, workers, choose, cwd=cwd, status=status, thresholds=thresholds)
    if not is_first:
        return 0
    command = shlex.join(["resnet-lint", *sys.argv[1:]])
    _write_page(report, lambda: run_page(result, plan.request, cwd, command))
    report_text = json.report(result, cwd) if form == "json" else text.report(result, cwd, quiet=settings.quiet)
    write_report(report_text, settings.output_of_model)
    return pipeline.exit_code(result)


def _require_report(page: Path | None) -> None:
    """Raise UsageError before the run if the report could not be rendered or written after it."""
    from .report.forms.page import require_page

    if page is not None:
        require_page()
        _require_writable("--report", page)


def _require_writable(option: str, path: Path) -> None:
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=path.absolute().parent):
            pass
    except OSError as error:
        raise UsageError(f"{option}: cannot write {path}: {error.strerror}") from error


def _write_page(page: Path | None, render: Callable[[], str]) -> None:
    if page is not None:
        write_atomically(page, render().encode())


def _training(path: str, *, train: bool, resume: bool, checkpoint: str | None, **options: Any) -> Training | None:
    """How to train; None without --train. Raises UsageError for conflicting options."""
    from resnet_lint.shared.records.hardware_run import Training

    given = {name: value for name, value in options.items() if value is not None}
    if not train:
        names = [*given, *(["checkpoint"] if checkpoint else []), *(["resume"] if resume else [])]
        if names:
            raise UsageError(f"--{names[0]} requires --train")
        return None
    file = Path(checkpoint or Path(_CHECKPOINTS, f"{Path(path.partition('::')[0]).stem}.pt")).absolute()
    if file.exists() and not resume:
        raise UsageError(f"checkpoint {file} already exists; continue it with --resume, or name another --checkpoint")
    _require_writable("--checkpoint", file if checkpoint or file.parent.exists() else file.parent)
    defaults = {"data": "digits", "epochs": 20, "lr": 0.001, "patience": 5}
    chosen = {**defaults, **given}
    return Training(str(chosen["data"]), chosen["epochs"], chosen["lr"], chosen["patience"], str(file), resume)
