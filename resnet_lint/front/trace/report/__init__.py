"""The forms of a trace: table, prediction, json, mermaid, dot, svg and html. A form takes the trace and gives text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from resnet_lint.shared.records.model_trace import ModelTrace

FORMS = ("table", "json", "mermaid", "dot", "svg", "html")


@dataclass(frozen=True)
class TraceView:
    """How to show a trace: paths relative to `cwd`, how deep to look into modules, and how to write shapes.

    `symbolic` writes them in the sizes of the inputs, where there are such shapes. `quiet` leaves out what is around
    a table.
    """

    cwd: Path
    depth: int | None = None
    form: Literal["hwc", "nchw"] = "hwc"
    symbolic: bool = False
    quiet: bool = False


def render(form: str, trace: ModelTrace, view: TraceView) -> str:
    """The trace in one of the forms. Raises UsageError where that needs a package that is not installed."""
    report: Callable[[ModelTrace, TraceView], str] = import_module(f".forms.{form}", __name__).report
    return report(trace, view)
