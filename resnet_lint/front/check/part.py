"""The results of one shard in its JSON report, and how `merge` makes the report of all files of them.

A part has the results before those of all files are joined: a class may be checked in a model of another shard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_lint import __version__
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.portable import with_folders, without_folders
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.source_text import digest
from resnet_lint.shared.wire import WireError, from_json, to_json

from ..options.configuration import parse
from ..options.settings import Settings, default_of
from ..options.show_settings import as_toml
from .finish import Results, finished
from .one_file import Checked
from .plan import Plan, planned
from .shards import Name, name_of

_OF_THE_JOB = ("jobs", "shard", "times", "python", "cache", "output")
_OF_THE_REPORT = ("format", "statistics", "verbose", "quiet", "exit_zero", "fail_on")


@dataclass(frozen=True)
class FileResult:
    """The result for a file, with the digest of its contents."""

    display: str
    only_class: str | None
    digest: str | None
    checked: Checked

    @property
    def name(self) -> Name:
        return self.display, self.only_class or ""


@dataclass(frozen=True)
class Part:
    """What the job of a shard did: `paths` and `settings` (TOML) are those of the command line and configuration."""

    number: int
    total: int
    paths: tuple[str, ...]
    root: str
    settings: str
    given: tuple[str, ...]
    interpreter: Interpreter | None
    seconds: float
    results: tuple[FileResult, ...]


def part_of(plan: Plan, paths: Sequence[str], results: Results, run: Run) -> Any:
    """The part of a shard as JSON data, without the folder of this machine."""
    settings, shard = plan.settings, plan.settings.shard
    assert shard is not None
    part = Part(
        shard.number,
        shard.total,
        tuple(paths),
        str(settings.root),
        as_toml(_of_all_shards(settings)),
        tuple(sorted(settings.given)),
        run.interpreter,
        run.seconds,
        tuple(FileResult(file.display, file.only_class, digest(file.path), checked) for (file, _), checked in results),
    )
    return without_folders(to_json(part), {"cwd": str(plan.cwd)})


def _of_all_shards(settings: Settings) -> Settings:
    """The settings without those that may differ between the jobs, or concern only their reports."""
    own = [*_OF_THE_JOB, *(name for name in _OF_THE_REPORT if name in settings.given)]
    values: dict[str, Any] = {name: default_of(name) for name in own}
    return replace(settings, **values | {"jobs": 1, "file": None})


def read_part(file: Path, cwd: Path) -> Part:
    """Read the report of a shard. Raises UsageError if it is something else."""
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        version = report["tool"]["version"]
        if version != __version__:
            raise UsageError(f"{file} was written by resnet-lint {version}, and this is {__version__}")
        part: Part = from_json(Part, with_folders(report["part"], {"cwd": str(cwd)}))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, WireError) as error:
        raise UsageError(
            f"{file} is not the report of a shard; write it with --shard K/N --format json, without --fix"
        ) from error
    return part


def settings_of(parts: Mapping[Path, Part]) -> Settings:
    """The settings of all parts. Raises UsageError if they differ, or if a shard is missing or there twice."""
    first_file, first = next(iter(parts.items()))
    files: dict[int, Path] = {}
    for file, part in parts.items():
        if (part.total, part.paths, part.settings) != (first.total, first.paths, first.settings):
            raise UsageError(f"{first_file} and {file} are of different runs: shards, paths or settings differ")
        if part.number in files:
            raise UsageError(f"{files[part.number]} and {file} are both of shard {part.number}/{part.total}")
        files[part.number] = file
    for number in range(1, first.total + 1):
        if number not in files:
            raise UsageError(f"no report of shard {number}/{first.total}")
    return replace(parse(first.settings, Path(first.root)), given=frozenset(first.given))


def merged(parts: Mapping[Path, Part], settings: Settings, cwd: Path) -> Run:
    """The run of all files. Raises UsageError if a file has no result, two, or has changed."""
    first, *others = parts.values()
    plan = planned(first.paths, settings, cwd)
    checked = _by_name(parts)
    results = []
    for wanted in plan.wanted:
        if name_of(wanted) not in checked:
            raise UsageError(f"no shard has checked {wanted[0].display}: they were cut with different --times or files")
        results.append((wanted, _unchanged(checked.pop(name_of(wanted)), wanted[0].path)))
    for name, _ in checked:
        raise UsageError(f"a shard has checked {name}, which is not here; run merge in the checkout of the shards")
    interpreter = next((part.interpreter for part in parts.values() if part.interpreter is not None), None)
    return finished(plan, results, interpreter, first.seconds + sum(part.seconds for part in others))


def seconds_of(parts: Mapping[Path, Part]) -> dict[str, float]:
    """How long every file took, by its path in reports."""
    names = [(result.display, result.checked.report) for part in parts.values() for result in part.results]
    return {name: report.seconds for name, report in names if report is not None and report.seconds is not None}


def _by_name(parts: Mapping[Path, Part]) -> dict[Name, FileResult]:
    checked: dict[Name, FileResult] = {}
    for result in (result for part in parts.values() for result in part.results):
        if result.name in checked:
            raise UsageError(f"two shards have checked {result.display}: they were cut with different --times or files")
        checked[result.name] = result
    return checked


def _unchanged(result: FileResult, path: Path) -> Checked:
    if digest(path) != result.digest:
        raise UsageError(f"{result.display} has changed since its shard was checked")
    return result.checked
