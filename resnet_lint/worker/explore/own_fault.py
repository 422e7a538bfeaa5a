"""A fault of the tool itself, as a reason why one model was left."""

from __future__ import annotations

import traceback
from pathlib import Path


def own_fault(error: Exception) -> str:
    """What failed and where: `internal error of resnet-lint: IndexError in guess_inputs.py:193: ...`."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"internal error of resnet-lint: {type(error).__name__}{where}: {error}"
