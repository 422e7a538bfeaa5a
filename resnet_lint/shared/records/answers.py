"""The answers of the worker to a request."""

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
    """The code of the file ended or disrupted its process; `line` is its location, if known."""

    reason: str
    line: int | None = None


@dataclass(frozen=True)
class Refused:
    """There is no such model, or it cannot be constructed or given inputs; `reason` is for the user."""

    reason: str


@dataclass(frozen=True)
class ToolFault:
    """An internal error of resnet-lint; `text` may be a traceback."""

    text: str


Answer = Checked | Traced | Ended | Refused | ToolFault

TAMPERED = "it closes or writes to open files that are not its own"
"""The reason in `Ended` if the process wrote an invalid answer."""
