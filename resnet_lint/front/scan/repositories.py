"""Prepares the repositories of a scan: checks them out, reads their configuration, and finds their files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from resnet_lint.shared.errors import ConfigError, ResnetLintError
from resnet_lint.shared.source_text import digest

from ..check.plan import Plan, planned
from ..check.shards import Name, name_of
from ..options.configuration import Given
from ..options.settings import Settings
from .checkout import checkout, commit_of
from .group import Checkout
from .targets import Target

_MOST_BYTES = 10 * 2**20
_SUFFIXES = (".py", ".ipynb")


@dataclass(frozen=True)
class Repository:
    """A repository to scan: its checkout on this machine, its settings, and the digests of its files by name.

    `notes` are sentences about files that are not checked. `problem` is the reason if nothing of it is.
    """

    target: Target
    commit: str | None = None
    root: Path = Path()
    settings: Settings | None = None
    files: Mapping[Name, str | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.target.location if self.commit is not None else str(self.root), self.commit)

    @property
    def loaded(self) -> Settings:
        assert self.settings is not None, "a repository with a problem has no settings"
        return self.settings

    def plan(self) -> Plan:
        """The plan of a check of all files, as `resnet-lint .` in the checkout has it."""
        return planned((".",), self.loaded, self.root)


def prepared(target: Target, given: Given, *, diff: bool) -> Repository:
    """Check out a repository and find its files. Whatever is wrong with it is its `problem`."""
    try:
        return _prepared(target, given, diff)
    except (ResnetLintError, OSError) as error:
        return Repository(target, problem=" ".join(str(error).split()))


def _prepared(target: Target, given: Given, diff: bool) -> Repository:
    commit = commit_of(target) if target.is_url else None
    root = Path(target.location) if commit is None else checkout(target, commit)
    settings = _settings(target, root, given)
    settings = replace(settings, diff=diff, fix=False, write_baseline=False, shard=None, output=None, watch=False)
    left_out = dict(_left_out(root))
    base = root if "exclude" in settings.given else settings.root
    patterns = tuple(_pattern(path, base) for path in left_out)
    repository = Repository(target, commit, root, replace(settings, exclude=(*settings.exclude, *patterns)))
    files = {name_of(wanted): digest(wanted[0].path) for wanted in repository.plan().wanted}
    return replace(repository, files=files, notes=tuple(left_out.values()))


def _settings(target: Target, root: Path, given: Given) -> Settings:
    """The settings of a repository. Raises ConfigError if a clone refers to files outside of it."""
    options = {**given.options} if target.environment is None else {**given.options, "python": target.environment}
    settings = replace(given, options=options).load(root)
    if not target.is_url or given.config is not None:
        return settings
    if settings.file is not None and not settings.file.is_relative_to(root):
        settings = replace(given, options=options, isolated=True).load(root)
    for path in (*settings.rules, *([settings.baseline] if settings.baseline is not None else [])):
        if "rules" not in settings.given and not _is_inside(path, root):
            raise ConfigError(f"{target.name}: the configuration refers to {path}, which is outside of the repository")
    return settings


def _left_out(root: Path) -> Iterator[tuple[Path, str]]:
    """The files that are too large, or links that leave the repository, with a note."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.suffix not in _SUFFIXES:
                continue
            shown = os.path.relpath(path, root)
            if not _is_inside(path, root):
                yield path, f"{shown} is a link to a file outside of the repository: not checked"
            elif path.exists() and path.stat().st_size > _MOST_BYTES:
                yield path, f"{shown} has more than {_MOST_BYTES // 2**20} MB: not checked"


def _is_inside(path: Path, root: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _pattern(path: Path, base: Path) -> str:
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", os.path.relpath(path, base))
