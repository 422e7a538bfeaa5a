"""Reads the targets of a scan: folders, git URLs, and files that list them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from resnet_lint.shared.errors import UsageError

_URL = re.compile(r"^(https?|ssh|git|file)://|^[\w.-]+@[\w.-]+:")


@dataclass(frozen=True)
class Target:
    """A repository: a folder or a git URL, a branch, tag or commit of it, and the environment that loads its models."""

    location: str
    ref: str | None = None
    environment: str | None = None

    @property
    def is_url(self) -> bool:
        return _URL.match(self.location) is not None

    @property
    def label(self) -> str:
        """What distinguishes the target from all others of a scan, and is the same in the next scan."""
        ref = "" if self.ref is None else f"@{self.ref}"
        return f"{self.name}{ref}" if self.environment is None else f"{self.name}{ref} ({self.environment})"

    @property
    def name(self) -> str:
        """The location for reports, without a user and a password."""
        if "://" not in self.location:
            return self.location
        parts = urlsplit(self.location)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def read_targets(arguments: Sequence[str], cwd: Path) -> list[Target]:
    """The targets on the command line and in list files, without duplicates. Raises UsageError."""
    targets = [target for argument in arguments for target in _targets(argument, cwd)]
    return list(dict.fromkeys(targets))


def _targets(argument: str, cwd: Path) -> Iterator[Target]:
    path = cwd / argument
    if _URL.match(argument) or path.is_dir():
        yield _target([argument], cwd, argument)
    elif path.is_file():
        yield from _listed(path)
    else:
        raise UsageError(f"{argument}: neither a folder, a git URL, nor a list of repositories")


def _listed(file: Path) -> Iterator[Target]:
    """One target per line: repository, ref (- for the default) and environment, separated by spaces or tabs."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the list {file}: {error}") from error
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split() if not _URL.match(line) else re.sub(r"\s#.*", "", line).split()
        if words:
            yield _target(words, file.parent, f"{file}:{number}")


def _target(words: Sequence[str], folder: Path, where: str) -> Target:
    if len(words) > 3:
        raise UsageError(f"{where}: a line has a repository, a ref and an environment, not {len(words)} words")
    location = words[0]
    ref = words[1] if len(words) > 1 and words[1] != "-" else None
    environment = words[2] if len(words) > 2 else None
    if ref is not None and ref.startswith("-"):
        raise UsageError(f"{where}: {ref!r} is not a ref")
    if not _URL.match(location):
        location = os.path.realpath(folder / location)
        if not Path(location).is_dir():
            raise UsageError(f"{where}: no such folder: {location}")
        if ref is not None:
            raise UsageError(f"{where}: a folder is checked as it is; for a ref, write file://{location}")
    if environment is not None:
        environment = os.path.abspath(folder / environment)
    return Target(location, ref, environment)
