"""The Python interface: a live model checked, traced, or asked what it takes.

Nothing is printed, and nothing of the model changes: all runs on a copy on the meta device, without data.
"""

from __future__ import annotations

import html
import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .front.check.report import View, render
from .front.trace.report import TraceView
from .front.trace.report import render as render_trace
from .front.trace.report.text import contract_lines
from .shared.errors import ResnetLintError, UsageError
from .shared.records.contracts import Contract
from .shared.records.findings import Finding
from .shared.records.model_trace import ModelTrace
from .shared.records.reports import Run
from .shared.records.requests import Interpreter

_SECONDS = 60.0


class FindingsError(AssertionError):
    """There are findings; the text is the report on them."""


@dataclass(frozen=True)
class Report:
    """What a check found. `str` gives the text report, and a notebook shows it."""

    run: Run

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.run.findings

    @property
    def ok(self) -> bool:
        """Whether the whole model was followed and no error was found."""
        followed = all(status.status != "failed" for status in self.run.classes)
        return followed and not any(finding.severity == "error" for finding in self.findings)

    def raise_for_findings(self) -> None:
        """Raise FindingsError where there are errors, or the model could not be followed."""
        if not self.ok:
            raise FindingsError(f"\n{self}")

    def to_dict(self) -> dict[str, Any]:
        """The object that `--format json` writes."""
        fields: dict[str, Any] = json.loads(render("json", self.run, View(Path.cwd())))
        return fields

    def __str__(self) -> str:
        return render("text", self.run, View(Path.cwd())).rstrip("\n")

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass(frozen=True)
class TraceReport:
    """The shapes through a model. `str` gives the table of stages, and a notebook shows the picture."""

    trace: ModelTrace

    @property
    def contract(self) -> Contract | None:
        return self.trace.contract

    def to_dict(self) -> dict[str, Any]:
        """The object that `resnet-lint trace --format json` writes."""
        fields: dict[str, Any] = json.loads(render_trace("json", self.trace, TraceView(Path.cwd())))
        return fields

    def __str__(self) -> str:
        return render_trace("table", self.trace, TraceView(Path.cwd())).rstrip("\n")

    def _repr_html_(self) -> str:
        try:
            return render_trace("svg", self.trace, TraceView(Path.cwd()))
        except ResnetLintError:  # the extra that lays pictures out is not installed
            return f"<pre>{html.escape(str(self))}</pre>"


@dataclass(frozen=True)
class ContractReport:
    """Which inputs a model takes. `str` says it in a few lines: `where H % 32 == 0 (64 works, 63 fails)`."""

    contract: Contract
    text: str

    def __str__(self) -> str:
        return self.text


def check(model: object, *inputs: Any, **kwargs: Any) -> Report:
    """Check a model: an nn.Module on any device, a class that needs no arguments, or a function that gives a model.

    The inputs are those of `forward`; only their shapes and types count. Without any, they are found by trial.

    Raises UsageError for what is no such thing, cannot be copied, or does not take the inputs.
    """
    from .worker.live.check import check_live

    began = time.perf_counter()
    report = check_live(model, inputs, kwargs, _SECONDS)
    return Report(Run((report,), _interpreter(), time.perf_counter() - began))


def trace(model: object, *inputs: Any, **kwargs: Any) -> TraceReport:
    """The shapes through a model, stage by stage. Takes and raises what `check` does."""
    from .worker.live.check import trace_live

    return TraceReport(trace_live(model, inputs, kwargs, _SECONDS))


def contract(model: object, *inputs: Any, **kwargs: Any) -> ContractReport:
    """Which inputs a model takes: `H % 32 == 0`. Takes what `check` does; raises UsageError where it takes none."""
    found = trace(model, *inputs, **kwargs).trace
    if found.contract is None:
        raise UsageError(f"{found.label} has no input contract: it fails at every size")
    return ContractReport(found.contract, "\n".join(contract_lines(found)))


def _interpreter() -> Interpreter:
    import torch

    return Interpreter(sys.executable, platform.python_version(), torch.__version__)
