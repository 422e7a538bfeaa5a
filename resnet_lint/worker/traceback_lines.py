"""The lines of tracebacks. A time limit interrupts at any instruction, and some have no line."""

from __future__ import annotations

from types import TracebackType


def line_of(step: TracebackType) -> int:
    """The line of a step of a traceback, or else the first line of its function."""
    return step.tb_lineno or step.tb_frame.f_code.co_firstlineno  # None, in spite of its type
