"""What a scan sends to its workers and gets back: plain data, so that any engine can carry it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from resnet_lint.shared.records.requests import Interpreter

from ..check.part import FileResult
from ..options.configuration import parse
from ..options.settings import Settings
from ..options.show_settings import as_toml


@dataclass(frozen=True)
class Checkout:
    """A repository as a worker finds it: a folder that all machines share, or a commit of a URL."""

    location: str
    commit: str | None


@dataclass(frozen=True)
class Group:
    """Files of one repository, to check one after the other; `attempt` counts from 1.

    `settings` are TOML; their paths are below `root`, the folder of the checkout on the machine of the client.
    """

    version: str
    repository: str
    checkout: Checkout
    root: str
    settings: str
    folder_of_settings: str
    diff: bool
    files: tuple[str, ...]
    attempt: int = 1


@dataclass(frozen=True)
class GroupResult:
    """The results of a group; paths below the checkout are portable. `problem`: nothing of the repository can run."""

    results: tuple[FileResult, ...] = ()
    interpreter: Interpreter | None = None
    problem: str | None = None


def text_of(settings: Settings) -> str:
    """The settings that matter for the check of a file."""
    return as_toml(
        replace(settings, shard=None, times=None, output=None, exclude=(), force_exclude=False, jobs=1, file=None)
    )


def settings_of(group: Group) -> Settings:
    """The settings of a group, with the paths of the client."""
    return replace(parse(group.settings, Path(group.folder_of_settings)), diff=group.diff)
