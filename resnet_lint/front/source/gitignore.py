"""Excludes files: patterns in .gitignore syntax, with git's order of precedence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from resnet_lint.shared.errors import ConfigError


@dataclass(frozen=True)
class Layer:
    """The patterns from one source, and the folder that they are relative to."""

    base: Path
    spec: GitIgnoreSpec

    def verdict(self, path: Path, *, folder: bool) -> bool | None:
        """True if the path is excluded, False if it is re-included (a `!` pattern), None if no pattern matches."""
        if path == self.base or not path.is_relative_to(self.base):
            return None
        name = path.relative_to(self.base).as_posix()
        return self.spec.check_file(f"{name}/" if folder else name).include


def is_ignored(path: Path, layers: Sequence[Layer], *, folder: bool) -> bool:
    """Whether a path is excluded: the last layer with a matching pattern decides; `layers` are outermost first."""
    verdicts = (layer.verdict(path, folder=folder) for layer in reversed(layers))
    return next((verdict for verdict in verdicts if verdict is not None), False)


def layer_of(option: str, base: Path, patterns: Iterable[str]) -> Layer:
    """The layer of an option with patterns. Raises ConfigError for a pattern that is invalid in git."""
    patterns = tuple(patterns)
    for pattern in patterns:
        if not _is_valid(pattern):
            raise ConfigError(f"{option}: {pattern!r} is not a valid .gitignore pattern")
    return Layer(base, GitIgnoreSpec.from_lines(patterns))


def gitignore_layers(folder: Path) -> tuple[Layer, ...]:
    """The layer of the .gitignore in this folder, if there is one."""
    try:
        lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    # git skips invalid patterns; pathspec would raise.
    return (Layer(folder, GitIgnoreSpec.from_lines(filter(_is_valid, lines))),)


def inherited_layers(folder: Path) -> tuple[Layer, ...]:
    """The layers above a folder, up to its git root; none if they exclude the folder itself, which was requested."""
    line = (folder, *folder.parents)
    root = next((index for index, parent in enumerate(line) if (parent / ".git").exists()), 0)
    layers: tuple[Layer, ...] = ()
    for depth in range(root, 0, -1):
        layers += gitignore_layers(line[depth])
        if is_ignored(line[depth - 1], layers, folder=True):
            return ()
    return layers


def _is_valid(pattern: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([pattern])
    except (ValueError, re.error):
        return False
    return True
