"""Helpers of the tests of `resnet-lint run`: model files, and JSON reports validated against their schema."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
from click.testing import Result
from referencing import Registry, Resource

_FOLDER = resources.files("resnet_lint.front.run.report")
_SCHEMA, _METRICS = (json.loads(_FOLDER.joinpath(name).read_text()) for name in ("schema.json", "metrics.schema.json"))
_KNOWN = Registry().with_resource("metrics.schema.json", Resource.from_contents(_METRICS))


def report_of(result: Result) -> dict[str, Any]:
    """The JSON report of a run, validated against its schema."""
    report: dict[str, Any] = json.loads(result.stdout)
    jsonschema.Draft202012Validator(_SCHEMA, registry=_KNOWN).validate(report)
    return report


def write(folder: Path, source: str) -> Path:
    """A model file; `torch` and `nn` are imported in it."""
    path = folder / "model.py"
    path.write_text(f"import torch\nfrom torch import nn\n\n\n{source}")
    return path
