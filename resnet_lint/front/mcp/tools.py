"""The tools for agents. Their docstrings are the descriptions that agents read; results are short and structured."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.source_text import decode

from ..explain.explain_traceback import explanation_of
from ..rules_command import page_text
from ..trace.report import TraceView, render
from ..trace.report.text import title
from ..warm_checks import Text, WarmChecks
from .results import contract_fields, rewrite_fields, run_fields

_RULE = re.compile(r"RL\d{3}")


class Tools:
    """The tools, by their names. Paths are relative to the working directory of the server."""

    def __init__(self, checks: WarmChecks) -> None:
        self._checks = checks

    def check(self, path: str) -> dict[str, Any]:
        """Check a Python file, a folder, or one class (file.py::Class), with verified fixes as diffs.

        `findings` are the mistakes, `not_checked` the classes that could not be checked, with the reason.
        """
        cwd = Path.cwd()
        return run_fields(self._checks.paths(path, cwd), cwd)

    def fix(self, path: str, unsafe: bool = False) -> dict[str, Any]:
        """Write the verified fixes of a file or folder; `unsafe` includes those that change results of code that runs.

        Returns the diffs that were written, and the findings that are left.
        """
        cwd = Path.cwd()
        run = self._checks.paths(path, cwd, fix=True, unsafe=unsafe)
        return {"fixed": [rewrite_fields(rewrite, cwd) for rewrite in run.rewrites], **run_fields(run, cwd)}

    def explain(self, subject: str) -> dict[str, Any]:
        """Explain a shape error from its whole traceback, or a rule from its code (RL103)."""
        if _RULE.fullmatch(subject.strip()):
            return {"explanation": page_text(subject.strip(), load_rules())}
        if not subject.strip():
            raise UsageError("the subject is empty; pass the whole traceback, or the code of a rule")
        text, _ = explanation_of(subject, Path.cwd(), self._checks.analyser)
        return {"explanation": text}

    def trace(self, path: str, depth: int = 1) -> dict[str, Any]:
        """Show the shapes of a model, stage by stage: that of file.py, or file.py::Class."""
        trace = self._traced(path)
        view = TraceView(Path.cwd(), depth, "nchw")
        return {"model": title(trace), "faults": len(trace.faults), "table": render("table", trace, view)}

    def contract(self, path: str) -> dict[str, Any]:
        """Show the inputs that a model (file.py or file.py::Class) accepts, with conditions on their sizes."""
        trace = self._traced(path)
        return {"model": title(trace), **contract_fields(trace.contract)}

    def _traced(self, argument: str) -> ModelTrace:
        name, _, target = argument.partition("::")
        path = Path(os.path.abspath(name))
        try:
            text = decode(path.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read {name}: {error.strerror}") from error
        except (UnicodeError, SyntaxError, LookupError) as error:
            raise UsageError(f"cannot read {name}: {error}") from error
        return self._checks.trace(Text(path, text, target or None))
