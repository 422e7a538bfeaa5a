"""The command `merge`."""

from __future__ import annotations

from pathlib import Path

import click

from resnet_lint.shared.write_file import write_atomically

from ..options.command_options import takes_report_settings
from ..options.completion import files
from ..options.configuration import Given, with_given
from ..write_report import require_folder

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Merge the JSON reports of all shards.")
@click.argument("parts", metavar="REPORT...", nargs=-1, required=True, type=_FILE, shell_complete=files)
@click.option("--times", metavar="FILE", type=_FILE, help="Write the seconds of every file here, for --shard.")
@takes_report_settings
def merge(parts: tuple[Path, ...], times: Path | None, given: Given) -> int:
    """Merge the JSON reports of all shards to the report of one job, in any format.

    Run it in the same checkout as the shards. The exit codes are those of `check`.
    """
    from .check_and_report import report_and_exit_code
    from .part import merged, read_part, seconds_of, settings_of
    from .shards import times_text

    cwd = Path.cwd()
    read = {file: read_part(file, cwd) for file in parts}
    settings = with_given(settings_of(read), given, cwd)
    require_folder(settings.output)
    run = merged(read, settings, cwd)
    if times is not None:
        require_folder(times)
        write_atomically(times, times_text(seconds_of(read)).encode())
    return report_and_exit_code(run, settings, cwd)
