"""What the tests of `resnet-lint trace` share: reports that follow their schema."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
from click.testing import Result

_SCHEMA = json.loads(resources.files("resnet_lint.tracing.report").joinpath("schema.json").read_text())


def trace_of(result: Result) -> dict[str, Any]:
    """The JSON report of a trace, which follows its schema."""
    assert result.stdout, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    jsonschema.Draft202012Validator(_SCHEMA).validate(report)
    return report


def steps_of(report: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """All steps of a report by their ids."""
    found: dict[int, dict[str, Any]] = {}
    waiting = [report["model"]]
    while waiting:
        step = waiting.pop()
        found[step["id"]] = step
        waiting += step["parts"]
    return found
