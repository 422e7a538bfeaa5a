"""The Python API: checks and traces model objects, and derives their input contracts.

All runs use a copy of the model on the meta device; the model does not change, and nothing is printed.
"""

from __future__ import annotations

import html
import json
import platform
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .front.check.report import View, render
from .front.trace.report import TraceView
from .front.trace.report import render as render_trace
from .front.trace.report.first_fault import drawing_of_first_fault
from .front.trace.report.text import contract_lines
from .shared.errors import UsageError
from .shared.records.contracts import Contract
from .shared.records.findings import Finding
from .shared.records.model_trace import ModelTrace
from .shared.records.reports import Run
from .shared.records.requests import Interpreter

if TYPE_CHECKING:
    from .worker.live.subject import LiveModel

_SECONDS = 60.0


class FindingsError(AssertionError):
    """There are findings; the message is the text report."""


@dataclass(frozen=True, repr=False)
class Report:
    """The result of a check. `str` is the text report; notebooks display it, and a drawing of the first mismatch."""

    run: Run
    _trace: Callable[[], ModelTrace] | None = field(default=None, compare=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.run.findings

    @property
    def ok(self) -> bool:
        """Whether the whole model was traced and there are no errors."""
        traced = all(status.status != "failed" for status in self.run.classes)
        return traced and not any(finding.severity == "error" for finding in self.findings)

    def raise_for_findings(self) -> None:
        """Raise FindingsError if there are errors or the model could not be traced."""
        if not self.ok:
            raise FindingsError(f"\n{self}")

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `--format json`."""
        fields: dict[str, Any] = json.loads(render("json", self.run, View(Path.cwd())))
        return fields

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return render("text", self.run, View(Path.cwd())).rstrip("\n")

    def _repr_html_(self) -> str:
        text = f"<pre>{html.escape(str(self))}</pre>"
        with suppress(Exception):  # without the extra `trace`; the text must be displayed in any case
            if self._trace is not None and not self.ok:
                return text + drawing_of_first_fault(self._trace(), TraceView(Path.cwd()))
        return text


@dataclass(frozen=True, repr=False)
class TraceReport:
    """The shapes in a model. `str` is the table of stages; notebooks display the drawing."""

    trace: ModelTrace

    @property
    def contract(self) -> Contract | None:
        return self.trace.contract

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `resnet-lint trace --format json`."""
        fields: dict[str, Any] = json.loads(render_trace("json", self.trace, TraceView(Path.cwd())))
        return fields

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return render_trace("table", self.trace, TraceView(Path.cwd())).rstrip("\n")

    def _repr_html_(self) -> str:
        with suppress(Exception):  # without the extra `trace`
            return render_trace("svg", self.trace, TraceView(Path.cwd()))
        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass(frozen=True, repr=False)
class ContractReport:
    """The inputs that a model accepts. `str` is a few lines such as `where H % 32 == 0 (64 works, 63 fails)`."""

    contract: Contract
    text: str

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.text


def check(model: object, *inputs: Any, **kwargs: Any) -> Report:
    """Check a model.

    `model` is an nn.Module on any device, a class that needs no arguments, or a function that returns a model. `inputs`
    and `kwargs` are the arguments of `forward`; only shapes and dtypes matter. Without any, they are guessed.

    Raises UsageError if `model` is anything else, cannot be copied, or does not accept the inputs.
    """
    from .worker.live.check import check_live

    began = time.perf_counter()
    report, live = check_live(model, inputs, kwargs, _SECONDS)
    return Report(Run((report,), _interpreter(), time.perf_counter() - began), partial(_trace_of_checked, live))


def trace(model: object, *inputs: Any, **kwargs: Any) -> TraceReport:
    """Trace the shapes in a model, stage by stage. Takes the same arguments and raises the same errors as `check`."""
    from .worker.live.trace import trace_live

    return TraceReport(trace_live(model, inputs, kwargs, _SECONDS))


def contract(model: object, *inputs: Any, **kwargs: Any) -> ContractReport:
    """Derive the inputs that a model accepts, such as `H % 32 == 0`. Takes the same arguments as `check`.

    Raises the same errors, and UsageError if the model accepts no input.
    """
    found = trace(model, *inputs, **kwargs).trace
    if found.contract is None:
        raise UsageError(f"{found.label} has no input contract: it fails at every size")
    return ContractReport(found.contract, "\n".join(contract_lines(found)))


def _trace_of_checked(live: LiveModel) -> ModelTrace:
    from .worker.live.trace import trace_of_checked

    return trace_of_checked(live)


def _interpreter() -> Interpreter:
    import torch

    return Interpreter(sys.executable, platform.python_version(), torch.__version__)
