"""The executor's commands. Stages are imported where they run, so that --help does not wait for them."""

from __future__ import annotations

import errno
import functools
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import RunRequest, Thresholds, Training
from resnet_lint.shared.write_file import write_atomically

from ..options.command_options import takes_a_model
from ..options.configuration import Given
from ..write_report import require_folder, write_report

DTYPES = ("float32", "float64", "bfloat16", "float16")


_GATES = (
    ("--min-accuracy", "accuracy", "The accuracy that is wanted"),
    ("--min-precision", "precision", "The precision that is wanted of every class"),
    ("--min-recall", "recall", "The recall that is wanted of every class"),
    ("--min-f1", "f1", "The F1 that is wanted of every class"),
    ("--max-loss-gap", "loss_gap", "How far the validation loss may lie above the training loss"),
)


def _gates(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that turn a threshold of the verdict into a gate; it gets them as `wanted`."""

    @functools.wraps(command)
    def with_thresholds(**options: Any) -> int:
        given = {name: options.pop(name) for _, name, _ in _GATES}
        given = {name: value for name, value in given.items() if value is not None}
        return command(**options, thresholds=Thresholds(**given, gates=frozenset(given)))

    for spelling, name, help in reversed(_GATES):
        kind = click.FloatRange(min=0) if name == "loss_gap" else click.FloatRange(0, 1)
        usual = getattr(Thresholds, name)
        text = f"{help}; the exit code is 1 below it. Default, for the verdict alone: {usual:g}."
        with_thresholds = click.option(spelling, name, metavar="X", type=kind, help=text)(with_thresholds)
    return with_thresholds


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@_gates
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="The form of the report.")
@click.option("--report", metavar="FILE", type=click.Path(path_type=Path), help="Also write an HTML page with charts.")
def metrics(file: Path, thresholds: Thresholds, form: str, report: Path | None) -> int:
    """Report on a classifier without its model: from a CSV file of its answers, or of the epochs of its training.

    The first line names the columns: label,prediction[,score] or epoch,loss,accuracy[,val_loss].

    Exit code 0: no limit was missed. 1: one was. 2: the file could not be used.
    """
    from . import pipeline
    from .report.forms.metrics import as_json, as_text
    from .report.forms.page import metrics_page

    _require_place(report)
    found = pipeline.metrics(file, thresholds)
    _write_page(report, lambda: metrics_page(found, Path.cwd()))
    click.echo(as_json(found, Path.cwd()) if form == "json" else as_text(found), nl=False)
    return int(bool(found.verdict.missed))


@click.command()
@takes_a_model
@click.option("--device", metavar="DEVICE", default="auto", help="cpu, cuda, cuda:1, mps; by default the fastest.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", help="The type of weights and inputs.")
@click.option("--batch", metavar="N", type=click.IntRange(min=1), help="The batch; by default that of the check.")
@click.option("--seed", metavar="N", type=int, default=0, help="The seed of weights and data. Default: 0.")
@click.option("--fix", is_flag=True, help="Write the verified fixes into the file; else they are made in memory only.")
@click.option("--unsafe-fixes", is_flag=True, help="Also fix what changes the result of code that runs.")
@click.option("--train", is_flag=True, help="Also train the model, and evaluate it.")
@click.option(
    "--data", metavar="DATA", help="digits (the default), a folder of class folders, a .npz file, module:factory."
)
@click.option("--epochs", metavar="N", type=click.IntRange(min=1), help="The most epochs. Default: 20.")
@click.option("--lr", metavar="X", type=click.FloatRange(0, min_open=True), help="The learning rate. Default: 0.001.")
@click.option("--patience", metavar="N", type=click.IntRange(min=1), help="Epochs without progress. Default: 5.")
@click.option("--checkpoint", metavar="FILE", type=click.Path(dir_okay=False), help="What was trained is kept here.")
@click.option("--resume", is_flag=True, help="Go on with the training that the checkpoint holds.")
@_gates
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="The form of the report.")
@click.option("--report", metavar="FILE", type=click.Path(path_type=Path), help="Also write an HTML page with charts.")
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
    """Run a model on the hardware at hand, as it is and fixed, and hold what happens against the prediction.

    Exit code 0: confirmed, and no error in the file. 1: something is not as it should be. 2: it could not be run.
    """
    from ..terminal import Status
    from ..workers.interpreter import chooser
    from ..workers.worker_client import Workers
    from . import pipeline
    from .report.forms import json, text
    from .report.forms.page import run_page

    _require_place(report)
    cwd = Path.cwd()
    usual = {"unsafe_fixes": True} if unsafe_fixes else {}
    plans = _training(path, **training)
    leads = os.environ.get("RANK", "0") == "0"  # under torchrun, one process speaks for all
    request = RunRequest(path, device=device, dtype=dtype, batch=batch, seed=seed, training=plans)
    plan = pipeline.plan(path, given, request, fix=fix and leads, cwd=cwd, **usual)
    settings = plan.settings
    require_folder(settings.output_of_model)
    choose = chooser(settings.python, Path(plan.request.path))
    with Status(sys.stderr, quiet=settings.quiet) as status, Workers(choose) as workers:
        found = pipeline.run(plan, workers, choose, cwd=cwd, status=status, thresholds=thresholds)
    if not leads:
        return 0
    _write_page(report, lambda: run_page(found, cwd))
    report_text = json.report(found, cwd) if form == "json" else text.report(found, cwd, quiet=settings.quiet)
    write_report(report_text, settings.output_of_model)
    return pipeline.exit_code(found)


def _require_place(page: Path | None) -> None:
    """Raise UsageError where the page could not be made or written: before the work, not after it."""
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
    """How to train, None for not at all. Raises UsageError for options that make no sense together."""
    given = {name: value for name, value in options.items() if value is not None}
    if not train:
        names = [*given, *(["checkpoint"] if checkpoint else []), *(["resume"] if resume else [])]
        if names:
            raise UsageError(f"--{names[0]} is about a training; give --train as well")
        return None
    kept = Path(checkpoint or f"{Path(path.partition('::')[0]).stem}.checkpoint.pt").absolute()
    if kept.exists() and not resume:
        raise UsageError(f"{kept} holds an earlier training; --resume goes on with it, --checkpoint names another file")
    _require_writable("--checkpoint", kept)
    usual = {"data": "digits", "epochs": 20, "lr": 0.001, "patience": 5}
    chosen = {**usual, **given}
    return Training(str(chosen["data"]), chosen["epochs"], chosen["lr"], chosen["patience"], str(kept), resume)
