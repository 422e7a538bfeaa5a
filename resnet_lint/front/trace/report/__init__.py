"""Output formats of a trace: table, prediction, json, mermaid, dot, svg and html."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.model_trace import ModelTrace


@dataclass(frozen=True)
class TraceView:
    """How to show a trace: paths are relative to `cwd`, modules are expanded to `depth`, shapes are printed as `form`.

    `symbolic` prints shapes in terms of the input sizes where they are known. `quiet` leaves out everything but the
    table and the faults. For the page, `findings` are those of a check, which explain and fix the faults, and `fixed`
    are the traces after the fix of a finding.
    """

    cwd: Path
    depth: int | None = None
    form: Literal["hwc", "nchw"] = "hwc"
    symbolic: bool = False
    quiet: bool = False
    findings: tuple[Finding, ...] = ()
    fixed: tuple[tuple[Finding, ModelTrace], ...] = ()


def render(form: str, trace: ModelTrace, view: TraceView) -> str:
    """Render the trace in a format. Raises UsageError if a package that the format needs is not installed."""
    report: Callable[[ModelTrace, TraceView], str] = import_module(f".forms.{form}", __name__).report
    return report(trace, view)
