"""Parses tracebacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<path>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Frame:
    """A stack frame in a traceback: a file and a line."""

    path: str
    line: int


def frames_in(text: str) -> list[Frame]:
    """The frames in a traceback, innermost last, without those in installed packages."""
    frames = [Frame(match["path"], int(match["line"])) for match in _FRAME.finditer(text)]
    return [frame for frame in frames if not {"site-packages", "dist-packages"} & set(Path(frame.path).parts)]


def found_here(frame: Frame, cwd: Path) -> Path | None:
    """The file of a frame: at its path, or below `cwd` at the longest existing suffix of its path; else None."""
    if (path := Path(frame.path)).is_file():
        return path
    parts = Path(frame.path).parts
    ends = (cwd.joinpath(*parts[start:]) for start in range(1, len(parts)))
    return next((end for end in ends if end.is_file()), None)
