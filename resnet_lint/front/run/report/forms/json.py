"""The JSON report of `resnet-lint run`; its schema is schema.json in the parent folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from resnet_lint import __version__
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.hardware_run import Confirmation, Mistake, Result, RunReport, Trained
from resnet_lint.shared.source_text import shown

from ..numbers import finite
from .metrics import evaluation_fields, history_fields, verdict_fields

VERSION = 1


def report(run: RunReport, cwd: Path) -> str:
    """The complete run; paths are relative to `cwd`, NaN and infinity are null."""
    fields = {
        "version": VERSION,
        "tool": {"name": "resnet-lint", "version": __version__, "torch": run.last.torch},
        "path": shown(run.path, cwd),
        "findings": [_finding(finding, cwd) for finding in run.findings],
        "fixed_findings": 0 if run.rewrite is None else run.rewrite.fixed,
        "written": run.written,
        "original": _result(run.original),
        "fixed": None if run.fixed is None else _result(run.fixed),
        "verdict": None if run.verdict is None else verdict_fields(run.verdict),
        "summary": {
            "confirmed": run.last.confirmation.sound,
            "findings_left": len(run.left),
            "seconds": round(run.seconds, 3),
        },
    }
    return json.dumps(finite(fields), indent=2, allow_nan=False) + "\n"


def _finding(finding: Finding, cwd: Path) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "path": shown(finding.span.path, cwd),
        "line": finding.span.start.line,
        "target": finding.target,
    }


def _result(result: Result) -> dict[str, Any]:
    setup = asdict(result.setup)
    setup["inputs"] = [{"name": name, "shape": shape} for name, shape in result.setup.inputs]
    return {
        "subject": setup,
        "confirmation": _confirmation(result.confirmation),
        "cost": asdict(result.cost),
        "gradients": None if result.gradients is None else asdict(result.gradients),
        "training": None if result.training is None else _training(result.training),
    }


def _training(trained: Trained) -> dict[str, Any]:
    training, validation = trained.samples
    return {
        **asdict(trained),
        "samples": {"training": training, "validation": validation},
        "history": history_fields(trained.history),
        "evaluation": None if trained.evaluation is None else evaluation_fields(trained.evaluation),
        "mistakes": [_mistake(mistake) for mistake in trained.mistakes],
    }


def _mistake(mistake: Mistake) -> dict[str, Any]:
    return {name: value for name, value in asdict(mistake).items() if name != "image"}


def _confirmation(confirmation: Confirmation) -> dict[str, Any]:
    stages = [{**asdict(stage), "agrees": stage.agrees} for stage in confirmation.stages]
    counted = {"stages_agreeing": confirmation.agreeing, "sound": confirmation.sound}
    fields = asdict(confirmation)
    del fields["reached"]
    return {**fields, "stages": stages, **counted}
