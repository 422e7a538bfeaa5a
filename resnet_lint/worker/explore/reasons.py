"""Why a model was not constructed or not traced, in the words of the report."""

from __future__ import annotations

import re
from collections.abc import Sequence

from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text

from ..load.load import MissingImport
from ..load.missing_packages import NotInstalledError

_STUB = re.compile(r"\bMissing(Layer)?\b")


def why_not_built(error: BaseException, missing: Sequence[MissingImport]) -> str:
    """The text of an error; for a value of an absent package that torch refuses, that the package is absent."""
    text = error_text(error)
    if _STUB.search(text) is None or not missing:
        return text
    return error_text(NotInstalledError(", ".join(known.package for known in missing)))


def why_untraced(label: str, result: Trace) -> str:
    """The reason why a trace stopped, or else its first fault, behind the constructor call."""
    if result.stop is not None:
        return f"{label}: {result.stop.reason}"
    fault = result.all_faults[0]
    return f"{label}: line {fault.point.span.start.line}: {' '.join(fault.error.split())[:200]}"
