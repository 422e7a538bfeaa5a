"""Describes an internal error as the reason why a model was skipped."""

from __future__ import annotations

import traceback
from pathlib import Path


def own_fault(error: Exception) -> str:
    """The error and its location: `internal error of resnet-lint: IndexError in guess_inputs.py:193: ...`."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"internal error of resnet-lint: {type(error).__name__}{where}: {error}"
