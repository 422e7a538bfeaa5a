"""The commands `scan` and `report`. The packages of the extra `scale` are imported inside the functions."""

from __future__ import annotations

from pathlib import Path

import click

from ..extras import require
from ..options.command_options import takes_scan_settings
from ..options.completion import files
from ..options.configuration import Given
from ..workers.in_order import usable_cores
from ..workers.interpreter import require_forks
from ..write_report import write_report

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_RESULTS = Path("resnet-lint-results")

_results = click.option(
    "--results",
    metavar="DIR",
    type=_FOLDER,
    default=_RESULTS,
    help=f"The folder with the results of all scans. Default: {_RESULTS}.",
)


@click.command(short_help="Check many repositories on many machines.")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, shell_complete=files)
@click.option(
    "--scheduler", metavar="ADDRESS", help="The scheduler of a running Dask cluster, such as tcp://host:8786."
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    default=usable_cores(),
    help="Number of processes on this machine, without --scheduler; the number of cores by default.",
)
@_results
@click.option("--resume", is_flag=True, help="Go on with the last scan, if it was interrupted.")
@click.option("--patches", metavar="DIR", type=_FOLDER, help="Write the verified fixes of every repository as a patch.")
@takes_scan_settings
def scan(
    targets: tuple[str, ...],
    scheduler: str | None,
    workers: int,
    results: Path,
    resume: bool,
    patches: Path | None,
    given: Given,
) -> int:
    """Check many repositories: folders, git URLs, and files with a repository, ref and environment per line.

    Exit code 0: no errors. 1: there are findings at or above --fail-on. 2: a repository could not be checked.
    """
    require_forks()
    with require("scale"):
        from . import run_scan

    order = run_scan.Order(targets, scheduler, workers, results, resume, patches)
    return run_scan.run_scan(order, given, Path.cwd())


@click.command(short_help="Show the results of a scan as a page.")
@click.argument("run", required=False)
@_results
@click.option("-o", "--output", metavar="FILE", type=_FILE, help="Write the page to a file instead of stdout.")
def report(run: str | None, results: Path, output: Path | None) -> int:
    """Write a page about a scan, by default the last one: what is wrong where, since when, and what was not checked."""
    with require("scale"):
        from .page.page import page

    write_report(page(results, run), output)
    return 0
