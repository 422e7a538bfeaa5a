"""Plans a check: finds the files at the paths and decides which of them are sent to the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from resnet_lint.rule import Rule
from resnet_lint.rule_loader import load_rules

from ..options.settings import Settings
from ..source.contents import Contents
from ..source.discover import Discovery, SourceFile, discover
from ..source.outline import Outline, Unreadable, read_outline
from ..user_targets import check_call, check_class, check_targets
from ..workers.analyser import Analyser
from ..workers.remembered import cache_folder
from .baseline import Baseline, read_baseline
from .one_file import Checker, VisibleFindings, Wanted
from .selection import Selector, selector
from .shards import share_of

Asked = str | SourceFile
"""A path on the command line, or the file on stdin."""


@dataclass(frozen=True)
class Plan:
    """The files of a run, before anything is checked.

    `wanted` are the files to check in order, `passed_over` those without models. Paths in reports are relative to
    `cwd`.
    """

    settings: Settings
    cwd: Path
    rules: Sequence[Rule]
    discovery: Discovery
    wanted: tuple[Wanted, ...]
    passed_over: tuple[Path, ...]
    selector: Selector
    baseline: Baseline | None

    @cached_property
    def share(self) -> tuple[Wanted, ...]:
        """The files of this job: all, or those in its shard."""
        return share_of(self.wanted, self.settings.shard, self.settings.times)

    def checker(self, analyser: Analyser) -> Checker:
        """Checks the files of the plan, one by one."""
        return Checker(self.settings, VisibleFindings(analyser, self.selector, self.baseline), self.rules)


def planned(paths: Sequence[Asked], settings: Settings, cwd: Path) -> Plan:
    """Plan a check of files, folders and classes. Raises UsageError and ConfigError."""
    rules = load_rules([str(folder) for folder in settings.rules])
    discovery = discovered(paths, settings, cwd)
    texts = {str(file.path): file.text for file in discovery.files if file.text is not None}
    cache = cache_folder() if settings.cache else None
    contents = Contents(discovery.read, _replaced(discovery.files), cache)
    chosen, baseline = selector(settings, rules, contents), _baseline(settings, texts)

    outlined = [(file, contents.of(file.path).outline) for file in discovery.files]
    wanted = tuple((file, outline) for file, outline in outlined if _is_wanted(file, outline))
    for file, outline in wanted:
        check_class(file, outline)
    if settings.call is not None:
        check_call(settings.call, wanted)
    check_targets(settings, outlined)
    without_models = [file.path for file, outline in outlined if not _is_wanted(file, outline)]
    passed_over = (*discovery.passed_over, *without_models)
    return Plan(settings, cwd, rules, discovery, wanted, passed_over, chosen, baseline)


def discovered(paths: Sequence[Asked], settings: Settings, cwd: Path) -> Discovery:
    """The files at the paths, without excluded ones. Raises UsageError and ConfigError."""
    root = cwd if "exclude" in settings.given else settings.root
    return discover(paths, cwd=cwd, exclude=settings.exclude, root=root, force_exclude=settings.force_exclude)


def files_to_check(paths: Sequence[Asked], settings: Settings, cwd: Path) -> list[SourceFile]:
    """The files that would be checked."""
    outlined = [(file, read_outline(file.path, file.data)) for file in discovered(paths, settings, cwd).files]
    wanted = [entry for entry in outlined if _is_wanted(*entry)]
    return [file for file, _ in share_of(wanted, settings.shard, settings.times)]


def has_content(outline: Outline | Unreadable) -> bool:
    """Whether there is something to report on a file: models, or why it cannot be read."""
    return isinstance(outline, Unreadable) or outline.has_models


def _is_wanted(file: SourceFile, outline: Outline | Unreadable) -> bool:
    return file.explicit or has_content(outline)


def _replaced(files: Sequence[SourceFile]) -> Mapping[Path, bytes]:
    return {file.path: file.data for file in files if file.data is not None}


def _baseline(settings: Settings, texts: Mapping[str, str]) -> Baseline | None:
    if settings.baseline is None:
        return None
    return replace(read_baseline(settings.baseline, may_be_missing=settings.write_baseline), texts=texts)
