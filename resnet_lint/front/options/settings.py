"""The settings of a run. Each option is defined completely by its field in Settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from resnet_lint.shared.records.requests import Shard, Target

from ..workers.in_order import usable_cores
from . import option_types
from .formats import formats_in
from .option_types import OptionType, one_of

FailOn = Literal["error", "warning", "info", "never"]


@dataclass(frozen=True)
class Option:
    """A setting that the user can change: on the command line if it has `help`, and in the file if `in_file`.

    `letter` is its short form on the command line, where it also overrides the option `instead_of` of the file.
    `for_models`: `trace` and `run` accept it too, not only `check`.
    """

    type: OptionType
    help: str | None
    letter: str | None
    instead_of: str | None
    in_file: bool
    for_models: bool


def option(
    type: OptionType,
    help: str | None = None,
    *,
    default: Any,
    letter: str | None = None,
    instead_of: str | None = None,
    in_file: bool = True,
    for_models: bool = False,
) -> Any:
    """A field of Settings that the user can set."""
    metadata = {"option": Option(type, help, letter, instead_of, in_file, for_models)}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Paths are absolute; `timeout` is in seconds, per file.

    `file` is the configuration file, if there is one, and `root` its folder. The patterns of `exclude` and
    `per_file_ignores` are relative to `root`, or to the working directory if given on the command line. `select` and
    `ignore` are rule codes or their prefixes (`RL1`). `given` are the fields that were set on the command line.
    """

    root: Path
    file: Path | None = None
    given: frozenset[str] = frozenset()

    format: str = option(one_of(formats_in("check", "text", but="diff")), "Report format.", default="text")
    output: Path | None = option(
        option_types.FILE, "Write the report to a file instead of stdout.", default=None, letter="o", for_models=True
    )
    select: tuple[str, ...] = option(option_types.CODES, "Rules to enable, such as RL103,RL2.", default=())
    extend_select: tuple[str, ...] = option(
        option_types.CODES, "Rules to enable in addition to those of --select.", default=()
    )
    ignore: tuple[str, ...] = option(option_types.CODES, "Rules to disable, such as RL103,RL2.", default=())
    exclude: tuple[str, ...] = option(
        option_types.PATTERNS, "Files and directories to skip, in .gitignore syntax.", default=()
    )
    force_exclude: bool = option(
        option_types.FLAG, "Skip excluded files even if they are passed on the command line.", default=False
    )
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = option(option_types.CODES_BY_PATTERN, default=())
    baseline: Path | None = option(option_types.FILE, "Hide the findings recorded in this file.", default=None)
    write_baseline: bool = option(
        option_types.FLAG, "Record the remaining findings in the baseline.", default=False, in_file=False
    )
    input: tuple[str, ...] = option(
        option_types.INPUTS,
        "An input of forward(), such as x=2x3x224x224 or ids=2x16:int64. Repeatable.",
        default=(),
        for_models=True,
    )
    call: str | None = option(
        option_types.CALL, "The constructor call: 'Net(64, 128, stride=2)'.", default=None, for_models=True
    )
    targets: tuple[tuple[Path, Target], ...] = option(option_types.TARGETS, default=())
    fail_on: FailOn = option(one_of(get_args(FailOn)), "Lowest severity that makes the exit code 1.", default="error")
    exit_zero: bool = option(option_types.FLAG, "Exit with 0 even if there are findings.", default=False, in_file=False)
    timeout: float = option(option_types.SECONDS, "Time limit per file.", default=60.0, for_models=True)
    guard: bool = option(
        option_types.FLAG,
        "Block network access, subprocesses and writes to files during the check.",
        default=True,
    )
    allow: tuple[str, ...] = option(option_types.ALLOWED, default=())
    jobs: int = option(option_types.COUNT, "Number of files to check in parallel.", default=usable_cores(), letter="j")
    shard: Shard | None = option(
        option_types.SHARD,
        "Check only the Kth of N equal parts of the files, for parallel CI jobs.",
        default=None,
    )
    times: Path | None = option(
        option_types.FILE,
        "Cut shards of equal time, with the seconds of every file that `merge --times` has written.",
        default=None,
    )
    files_from: Path | None = option(
        option_types.LIST, "Check the paths in this file too, one per line; - for stdin.", default=None, in_file=False
    )
    cache: bool = option(option_types.FLAG, "Cache results; re-check only what changed.", default=True)
    cache_url: str | None = option(
        option_types.FOLDER_OR_URL,
        "A cache that machines share: a folder, s3://BUCKET/PREFIX or http(s)://HOST/PREFIX.",
        default=None,
    )
    python: Path | None = option(
        option_types.PATH,
        "The interpreter that loads the models, or its environment.",
        default=None,
        for_models=True,
    )
    warm: bool = option(
        option_types.FLAG,
        "Start processes in the background, unless they run, that keep the tool and torch loaded for the next runs.",
        default=False,
        for_models=True,
    )
    fix: bool = option(option_types.FLAG, "Write the verified fixes to the files.", default=False, instead_of="diff")
    unsafe_fixes: bool = option(
        option_types.FLAG, "Include fixes that change the results of code that runs.", default=False
    )
    fix_choice: int | None = option(
        option_types.COUNT, "Where a finding has several verified fixes, apply the Nth of them.", default=None
    )
    diff: bool = option(
        option_types.FLAG, "Show what --fix would change as a diff; write nothing.", default=False, instead_of="fix"
    )
    rules: tuple[Path, ...] = option(option_types.FOLDERS, "A directory of custom rules.", default=())
    statistics: bool = option(option_types.FLAG, "Count the findings per rule.", default=False)
    verbose: bool = option(
        option_types.FLAG,
        "Show how each class was checked, or why it wasn't.",
        default=False,
        letter="v",
        instead_of="quiet",
    )
    quiet: bool = option(
        option_types.FLAG,
        "Print only the findings; for a trace, only the table and the faults; for a run, only the last line.",
        default=False,
        letter="q",
        instead_of="verbose",
        for_models=True,
    )
    stdin_filename: Path | None = option(
        option_types.FILE, "The path of the file on standard input.", default=None, in_file=False
    )
    show_files: bool = option(option_types.FLAG, "List the files that would be checked.", default=False, in_file=False)
    show_settings: bool = option(option_types.FLAG, "Print the effective settings.", default=False, in_file=False)
    watch: bool = option(
        option_types.FLAG, "Check again whenever a file changes, until Ctrl-C.", default=False, in_file=False
    )

    @property
    def output_of_model(self) -> Path | None:
        """The output file of a report on a single model: the configured one is for checks only."""
        return self.output if "output" in self.given else None


def field_of(name: str) -> str:
    """The field of Settings for an option."""
    return name.replace("-", "_")


def name_of(field: str) -> str:
    """The option for a field of Settings."""
    return field.replace("_", "-")


OPTIONS: Mapping[str, Option] = {
    name_of(field.name): field.metadata["option"]
    for field in dataclasses.fields(Settings)
    if "option" in field.metadata
}
"""All options by name, as on the command line and in the file."""


def default_of(name: str) -> object:
    """The default of an option."""
    return getattr(Settings, field_of(name))
