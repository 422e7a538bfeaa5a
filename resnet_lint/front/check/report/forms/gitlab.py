"""The Code Quality report that GitLab shows in a merge request.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json

from resnet_lint.front.check.fingerprint import fingerprints
from resnet_lint.front.report_text import one_line
from resnet_lint.shared.records.findings import Severity
from resnet_lint.shared.records.reports import Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..repository import repository

_SEVERITIES: dict[Severity, str] = {"error": "major", "warning": "minor", "info": "info"}


def report(run: Run, view: View) -> str:
    """A JSON list with one object per finding; the format does not support anything else."""
    root = repository(view.cwd)
    findings = [
        {
            "description": f"{finding.rule}: {one_line(finding.message)}",
            "check_name": finding.rule,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[finding.severity],
            "location": {
                "path": shown(finding.span.path, root),
                "lines": {"begin": finding.span.start.line, "end": finding.span.end.line},
            },
        }
        for finding, fingerprint in zip(run.findings, fingerprints(run.findings, root, view.texts), strict=True)
    ]
    return json.dumps(findings, indent=2) + "\n"
