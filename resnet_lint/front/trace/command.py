"""The command `trace`. Imports that take long are inside the function, to keep --help fast."""

from __future__ import annotations

from pathlib import Path

import click

from resnet_lint.shared.errors import UsageError

from ..options.command_options import takes_a_model
from ..options.configuration import Given
from ..options.formats import formats_in
from ..write_report import require_folder, write_report


@click.command()
@takes_a_model
@click.option("--depth", metavar="N", type=click.IntRange(min=1), help="Depth to which modules are expanded.")
@click.option(
    "--shapes",
    type=click.Choice(("hwc", "nchw")),
    default="hwc",
    help="hwc (default): rows x columns x channels; nchw: as torch prints shapes.",
)
@click.option("--symbolic", is_flag=True, help="Print shapes in terms of the input sizes: H//2 x W//2 x 64.")
@click.option("--prediction", is_flag=True, help="Follow one input through the stages.")
@click.option(
    "--format",
    "form",
    type=click.Choice(formats_in("trace", "table", but="prediction")),
    default="table",
    help="Output format.",
)
def trace(
    path: str,
    given: Given,
    depth: int | None,
    shapes: str,
    symbolic: bool,
    prediction: bool,
    form: str,
) -> int:
    """Show the shapes in a model, stage by stage, from one forward pass on the meta device.

    Exit code 0: the forward pass runs. 1: a call in it fails. 2: the model could not be traced.
    """
    from ..named_model import named
    from ..workers import answer_cache, worker_client
    from ..workers.interpreter import chooser
    from . import pipeline
    from .report import TraceView, render

    if prediction and form != "table":
        raise UsageError("--prediction cannot be combined with --format")
    cwd = Path.cwd()
    model = named(path, given, cwd)
    output = model.settings.output_of_model
    require_folder(output)
    choose = chooser(model.settings.python, model.file.path)
    with worker_client.WorkerClient(choose) as workers:
        if model.settings.cache:
            with answer_cache.Cache(workers, choose) as cache:
                result = pipeline.trace(model, cache)
        else:
            result = pipeline.trace(model, workers)
    view = TraceView(cwd, depth, "nchw" if shapes == "nchw" else "hwc", symbolic, model.settings.quiet)
    write_report(render("prediction" if prediction else form, result, view), output)
    return pipeline.exit_code(result)
