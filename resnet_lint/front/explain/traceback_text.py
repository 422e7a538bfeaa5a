"""The frames that a pasted traceback names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<path>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Frame:
    """A line of a file that was at work, as the traceback has it."""

    path: str
    line: int


def frames_in(text: str) -> list[Frame]:
    """The frames in the order of the text, the innermost last; those of installed packages are left out."""
    frames = [Frame(match["path"], int(match["line"])) for match in _FRAME.finditer(text)]
    return [frame for frame in frames if not {"site-packages", "dist-packages"} & set(Path(frame.path).parts)]


def found_here(frame: Frame, cwd: Path) -> Path | None:
    """The file of a frame: where the traceback says, or below the working folder by the longest end of its path."""
    if (path := Path(frame.path)).is_file():
        return path
    parts = Path(frame.path).parts
    ends = (cwd.joinpath(*parts[start:]) for start in range(1, len(parts)))
    return next((end for end in ends if end.is_file()), None)
