"""What the worker answers to a request on one file."""

from __future__ import annotations

from dataclasses import dataclass

from .model_trace import ModelTrace
from .reports import FileReport


@dataclass(frozen=True)
class Checked:
    """The file was checked."""

    report: FileReport


@dataclass(frozen=True)
class Traced:
    """The model was traced."""

    trace: ModelTrace


@dataclass(frozen=True)
class Ended:
    """The file's code ended the process that loaded it, or kept it from its work; `line` is where, if that is known."""

    reason: str
    line: int | None = None


@dataclass(frozen=True)
class Refused:
    """There is no such model, or it cannot be built or fed; `reason` is for the user."""

    reason: str


@dataclass(frozen=True)
class ToolFault:
    """The tool itself failed on the file; `text` may be a traceback."""

    text: str


Answer = Checked | Traced | Ended | Refused | ToolFault

TAMPERED = "it closes or writes to open files that are not its own"
"""Why a file ended its process whose answer is none of these."""
