"""Scans repositories: the table of contents.

    targets -> repositories -> groups -> executor -> journal -> one Run per repository

The files of a repository are checked by any workers; the results are joined as those of `resnet-lint check` are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resnet_lint import __version__
from resnet_lint.shared.portable import with_folders
from resnet_lint.shared.records.reports import FileReport, Run
from resnet_lint.shared.records.requests import CheckRequest, Interpreter
from resnet_lint.shared.source_text import digest
from resnet_lint.shared.wire import from_json

from ..check.finish import finished
from ..check.part import FileResult
from ..check.plan import planned
from ..check.shards import Name, name_of
from ..options.configuration import Given
from ..workers.worker_client import not_checked
from .dispatch import dispatched
from .group import Group, GroupResult, text_of
from .grouping import Known, grouped
from .journal import Entry, Journal, read_journal
from .repositories import Repository, prepared
from .targets import Target


@dataclass(frozen=True)
class Scanned:
    """A repository with its run, which is None if it could not be scanned."""

    repository: Repository
    run: Run | None
    results: tuple[FileResult, ...] = ()


@dataclass(frozen=True)
class Engine:
    """Where the groups of a scan run: any executor, the number of its workers, and whether it can be reached."""

    executor: Executor
    workers: int = 1
    is_alive: Callable[[], bool] = lambda: True


@dataclass
class Progress:
    """What is done of a scan; `changed` is called whenever it changes. `expected` are the seconds of all files."""

    changed: Callable[[Progress], None] = lambda progress: None
    expected: dict[tuple[str, str], float] = field(default_factory=dict)
    done: int = 0
    began: float = field(default_factory=time.monotonic)
    _seconds_done: float = 0.0

    @property
    def files(self) -> int:
        return len(self.expected)

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the seconds until the end; None at the beginning."""
        if not self._seconds_done:
            return None
        left = sum(self.expected.values()) - self._seconds_done
        return (time.monotonic() - self.began) * left / self._seconds_done

    def add(self, group: Group) -> None:
        """Count the files of a group."""
        self.done += len(group.files)
        self._seconds_done += sum(self.expected[group.repository, file] for file in group.files)
        self.changed(self)


def scan(
    targets: Sequence[Target],
    engine: Engine,
    given: Given,
    journal: Path,
    *,
    known: Known | None = None,
    diff: bool = False,
    progress: Progress | None = None,
) -> Iterator[Scanned]:
    """Scan repositories, in their order. Results that are in the journal are not made again.

    `known` are the seconds of earlier checks. With `diff`, runs have the files as `--fix` would write them. What is
    wrong with a repository is in its result; raises UsageError if the engine cannot be used.
    """
    began = time.perf_counter()
    repositories = {target.label: prepared(target, given, diff=diff) for target in targets}
    collected = _Collected(repositories, _unchanged(read_journal(journal), repositories))
    groups = _groups(collected, known or {}, engine.workers, progress := progress or Progress())
    with Journal(journal) as kept:
        for group, data in dispatched(groups, engine.executor, engine.is_alive):
            for at, result, interpreter in collected.added(group, data):
                kept.add(at, result, interpreter)
            progress.add(group)
    for at in repositories:
        yield _scanned(at, collected, time.perf_counter() - began)


@dataclass
class _Collected:
    """The repositories of a scan by label, the results that are there, and what turned out to be wrong."""

    repositories: Mapping[str, Repository]
    entries: dict[tuple[str, Name], Entry]
    problems: dict[str, str] = field(default_factory=dict)

    def missing(self) -> dict[str, list[Name]]:
        """The files without a result."""
        return {
            at: [name for name in repository.files if (at, name) not in self.entries]
            for at, repository in self.repositories.items()
        }

    def added(self, group: Group, data: Any) -> Iterator[tuple[str, FileResult, Interpreter | None]]:
        """Take the results of a group, and yield the new ones: what comes twice counts once."""
        at = group.repository
        outcome = _outcome(group, data, self.repositories[at])
        if outcome.problem is not None:
            self.problems.setdefault(at, outcome.problem)
        for result in outcome.results:
            if (at, result.name) not in self.entries:
                self.entries[at, result.name] = result, outcome.interpreter
                yield at, result, outcome.interpreter


def _outcome(group: Group, data: Any, repository: Repository) -> GroupResult:
    """The results of a group, with paths of this machine. For a text: a finding on its only file."""
    if not isinstance(data, str):
        result: GroupResult = from_json(GroupResult, with_folders(data, {"root": str(repository.root)}))
        return result
    plan = planned(group.files, replace(repository.loaded, exclude=(), force_exclude=False), repository.root)
    checker = plan.checker(_Lost(data))
    return GroupResult(
        tuple(
            FileResult(wanted[0].display, wanted[0].only_class, digest(wanted[0].path), checker.check(wanted))
            for wanted in plan.wanted
        )
    )


@dataclass(frozen=True)
class _Lost:
    """An analyser for files that no worker survives: a finding with the reason."""

    reason: str
    interpreter: Interpreter | None = None

    def analyse(self, request: CheckRequest) -> FileReport:
        return not_checked(request, self.reason)


def _unchanged(
    entries: Mapping[tuple[str, Name], Entry], repositories: Mapping[str, Repository]
) -> dict[tuple[str, Name], Entry]:
    """The entries of files that are as they were."""
    return {
        (at, name): entry
        for (at, name), entry in entries.items()
        if at in repositories and repositories[at].files.get(name, "") == entry[0].digest
    }


def _groups(collected: _Collected, known: Known, workers: int, progress: Progress) -> list[Group]:
    cut = grouped(collected.missing(), known, workers)
    progress.expected = {(at, file): seconds / len(files) for at, files, seconds in cut for file in files}
    return [_group(at, collected.repositories[at], files) for at, files, _ in cut]


def _group(at: str, repository: Repository, files: tuple[str, ...]) -> Group:
    settings = repository.loaded
    return Group(
        version=__version__,
        repository=at,
        checkout=repository.checkout,
        root=str(repository.root),
        settings=text_of(settings),
        folder_of_settings=str(settings.root),
        diff=settings.diff,
        files=files,
    )


def _scanned(at: str, collected: _Collected, seconds: float) -> Scanned:
    """The run of a repository, from the results for all of its files."""
    repository = collected.repositories[at]
    problem = repository.problem or collected.problems.get(at)
    if problem is not None:
        return Scanned(replace(repository, problem=problem), None)
    plan = repository.plan()
    entries = [(wanted, collected.entries[at, name_of(wanted)]) for wanted in plan.wanted]
    interpreter = next((interpreter for _, (_, interpreter) in entries if interpreter is not None), None)
    run = finished(plan, [(wanted, result.checked) for wanted, (result, _) in entries], interpreter, seconds)
    run = replace(run, notes=(*run.notes, *repository.notes))
    return Scanned(repository, run, tuple(result for _, (result, _) in entries))
