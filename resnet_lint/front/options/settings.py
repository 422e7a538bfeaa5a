"""The settings of a run. All that there is to say of an option is said in its field here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from resnet_lint.shared.records.requests import Shard, Target

from ..workers.in_order import usable_cores
from . import option_types
from .option_types import Kind, one_of

Format = Literal["text", "concise", "table", "json", "sarif", "github", "gitlab", "pylint", "junit", "rdjson"]
FailOn = Literal["error", "warning", "info", "never"]


@dataclass(frozen=True)
class Option:
    """What can be said of a setting: on the command line, where it has `help`, and in the file by the same name.

    Given on the command line, it overrules the option `instead_of` of the file as well. `letter` is its short spelling
    there. `for_models`: not only `check` takes it, but also `trace` and `run`.
    """

    kind: Kind
    help: str | None
    letter: str | None
    instead_of: str | None
    in_file: bool
    for_models: bool


def option(
    kind: Kind,
    help: str | None = None,
    *,
    default: Any,
    letter: str | None = None,
    instead_of: str | None = None,
    in_file: bool = True,
    for_models: bool = False,
) -> Any:
    """A field of Settings that the user may set."""
    said = Option(kind, help, letter, instead_of, in_file, for_models)
    return dataclasses.field(default=default, metadata={"option": said})


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do. Paths are absolute; `timeout` is in seconds and for one file.

    `file` is the configuration, if there is one, and `root` its folder. The patterns of `exclude` and
    `per_file_ignores` are relative to it, those of the command line to the working folder. `select` and `ignore` hold
    rule codes or their beginnings (`RL1`). `given` are the fields that the command line has set.
    """

    root: Path
    file: Path | None = None
    given: frozenset[str] = frozenset()

    format: Format = option(one_of(get_args(Format)), "The form of the report.", default="text")
    output: Path | None = option(
        option_types.FILE, "Write the report to a file instead of stdout.", default=None, letter="o", for_models=True
    )
    select: tuple[str, ...] = option(option_types.CODES, "Only these rules: RL103,RL2.", default=())
    extend_select: tuple[str, ...] = option(
        option_types.CODES, "These rules as well, beside those of --select.", default=()
    )
    ignore: tuple[str, ...] = option(option_types.CODES, "Not these rules: RL103,RL2.", default=())
    exclude: tuple[str, ...] = option(
        option_types.PATTERNS, "Files and folders to pass over, as .gitignore has them.", default=()
    )
    force_exclude: bool = option(
        option_types.FLAG, "Pass over what is excluded even where the command line names it.", default=False
    )
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = option(option_types.CODES_BY_PATTERN, default=())
    baseline: Path | None = option(option_types.FILE, "Hide the findings recorded in this file.", default=None)
    write_baseline: bool = option(
        option_types.FLAG, "Write the findings that are left into the baseline.", default=False, in_file=False
    )
    input: tuple[str, ...] = option(
        option_types.INPUTS,
        "What to feed forward(): x=2x3x224x224, or ids=2x16:int64. Once for each input.",
        default=(),
        for_models=True,
    )
    call: str | None = option(
        option_types.CALL, "How to build the class: 'Net(64, 128, stride=2)'.", default=None, for_models=True
    )
    targets: tuple[tuple[Path, Target], ...] = option(option_types.TARGETS, default=())
    fail_on: FailOn = option(
        one_of(get_args(FailOn)), "The least severity of a finding that makes the exit code 1.", default="error"
    )
    exit_zero: bool = option(
        option_types.FLAG, "Exit with code 0 whatever is found; 2 stays 2.", default=False, in_file=False
    )
    timeout: float = option(option_types.SECONDS, "The time limit for one file.", default=60.0, for_models=True)
    guard: bool = option(
        option_types.FLAG,
        "Block the network, other processes and changes to files during the check.",
        default=True,
    )
    allow: tuple[str, ...] = option(option_types.ALLOWED, default=())
    jobs: int = option(option_types.COUNT, "Number of files to check in parallel.", default=usable_cores(), letter="j")
    shard: Shard | None = option(
        option_types.SHARD,
        "Check only the Kth of N equal parts of the files, as CI machines do.",
        default=None,
    )
    cache: bool = option(option_types.FLAG, "Cache results; re-check only what changed.", default=True)
    python: Path | None = option(
        option_types.PATH,
        "The interpreter that loads the models, or the folder of its environment.",
        default=None,
        for_models=True,
    )
    fix: bool = option(option_types.FLAG, "Write the verified fixes into the files.", default=False, instead_of="diff")
    unsafe_fixes: bool = option(option_types.FLAG, "Also fix what changes the result of code that runs.", default=False)
    diff: bool = option(
        option_types.FLAG, "Show what --fix would change as a diff; write nothing.", default=False, instead_of="fix"
    )
    rules: tuple[Path, ...] = option(option_types.FOLDERS, "A folder with rules of your own.", default=())
    statistics: bool = option(option_types.FLAG, "Count the findings of each rule.", default=False)
    verbose: bool = option(
        option_types.FLAG,
        "Show each class: how it was checked, or why it was not.",
        default=False,
        letter="v",
        instead_of="quiet",
    )
    quiet: bool = option(
        option_types.FLAG,
        "Show what was found only, no summary.",
        default=False,
        letter="q",
        instead_of="verbose",
        for_models=True,
    )
    stdin_filename: Path | None = option(
        option_types.FILE, "The file that standard input stands for, read in its place.", default=None, in_file=False
    )
    show_files: bool = option(
        option_types.FLAG, "List the files that would be checked, and check none.", default=False, in_file=False
    )
    show_settings: bool = option(
        option_types.FLAG, "Show the settings that count here, and check nothing.", default=False, in_file=False
    )
    watch: bool = option(
        option_types.FLAG, "Check again whenever a file changes, until Ctrl-C.", default=False, in_file=False
    )

    @property
    def output_of_model(self) -> Path | None:
        """Where a report on a single model goes: an `output` of the file is that of the check."""
        return self.output if "output" in self.given else None


def field_of(name: str) -> str:
    """The field of Settings that an option fills."""
    return name.replace("-", "_")


def name_of(field: str) -> str:
    """The option that fills a field of Settings."""
    return field.replace("_", "-")


OPTIONS: Mapping[str, Option] = {
    name_of(field.name): field.metadata["option"]
    for field in dataclasses.fields(Settings)
    if "option" in field.metadata
}
"""All options by their names, as on the command line and in the file."""


def default_of(name: str) -> object:
    """The default of an option."""
    return getattr(Settings, field_of(name))
