"""The engine's entry: one task on standard input, then events on standard output, one JSON object a line.

Events: `progress` (phase, done, total), and at the end `result`, `error` (one line for the user) or `fault` (a bug).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

# Before torch is imported: scripted functions stay Python, so that the tracer sees inside them.
os.environ.update(PYTORCH_JIT="0")

from resnet_lint.shared.errors import ResnetLintError
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.hardware_run import Evaluation, Predictions, Result, RunRequest

from .events import Events


def main() -> None:
    """Carry out the task that the first line of standard input holds."""
    events = Events(os.fdopen(os.dup(1), "w", buffering=1))
    os.dup2(2, 1)  # what the model prints must not get between the events
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    line = json.loads(sys.stdin.readline())
    try:
        events.send("result", _JOBS[line["job"]](line["task"], events))
    except ResnetLintError as error:
        events.send("error", str(error))
    except Exception:
        events.send("fault", traceback.format_exc())


def _run(task: dict[str, Any], events: Events) -> Result:
    from ..torch_quirks.dynamo import stand_in
    from .run import run

    stand_in()
    return run(RunRequest.from_fields(task), events)


def _evaluate(task: dict[str, Any], events: Events) -> Evaluation:
    require("torchmetrics")
    from .metrics import evaluate

    return evaluate(Predictions(**{name: tuple(values) for name, values in task.items()}))


_JOBS: dict[str, Callable[[dict[str, Any], Events], Any]] = {"run": _run, "evaluate": _evaluate}
