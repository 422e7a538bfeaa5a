"""The command `trace`. Imports that take long are inside the function, to keep --help fast."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from resnet_lint.shared.errors import UsageError

from ..options.command_options import takes_a_model
from ..options.configuration import Given
from ..options.formats import formats_in
from ..write_report import require_folder, write_report

_NOTATIONS = {"html": "nchw"}  # shapes beside torch's messages and the input contract, which print them so


@click.command()
@takes_a_model
@click.option("--depth", metavar="N", type=click.IntRange(min=1), help="Depth to which modules are expanded.")
@click.option(
    "--shapes",
    type=click.Choice(("hwc", "nchw")),
    help="hwc: rows x columns x channels; nchw: as torch prints shapes. Default: hwc, and nchw for html.",
)
@click.option("--symbolic", is_flag=True, help="Print shapes in terms of the input sizes: H//2 x W//2 x 64.")
@click.option(
    "--gradients", is_flag=True, help="List the parameters that do not get a gradient in every training step."
)
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
    shapes: str | None,
    symbolic: bool,
    gradients: bool,
    prediction: bool,
    form: str,
) -> int:
    """Show the shapes in a model, stage by stage, from one forward pass on the meta device.

    Exit code 0: the forward pass runs. 1: a call in it fails. 2: the model could not be traced.
    """
    from ..named_model import named
    from ..warm.automatic import keep_tool_loaded, provider
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
    choose = chooser(model.settings.python, model.file.path, model.settings.cache)
    notation: Literal["hwc", "nchw"] = "nchw" if (shapes or _NOTATIONS.get(form)) == "nchw" else "hwc"
    view = TraceView(cwd, depth, notation, symbolic, model.settings.quiet)
    with worker_client.WorkerClient(choose, provider(model.settings)) as client, ExitStack() as stack:
        keep_tool_loaded(model.settings)
        workers = stack.enter_context(answer_cache.Cache(client, choose)) if model.settings.cache else client
        result = pipeline.trace(model, workers, gradients)
        if form == "html" and result.faults:
            findings = pipeline.findings(model, workers, cwd)
            view = replace(view, findings=findings, fixed=pipeline.after_fixes(model, workers, findings))
    write_report(render("prediction" if prediction else form, result, view), output)
    return pipeline.exit_code(result)
