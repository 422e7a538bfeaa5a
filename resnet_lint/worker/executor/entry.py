"""Entry point of the engine: reads one task from stdin and writes events to stdout, one JSON object per line.

Events: `progress` (phase, done, total), then `result`, `error` (one line for the user) or `fault` (a bug).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

# Set before torch is imported: keeps scripted functions in Python, so that the tracer can record inside them.
os.environ.update(PYTORCH_JIT="0")

from resnet_lint.shared.errors import ResnetLintError
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.hardware_run import Evaluation, Predictions, Result, RunRequest

from .events import Events


def main() -> None:
    """Run the task on the first line of stdin."""
    events = Events(os.fdopen(os.dup(1), "w", buffering=1))
    os.dup2(2, 1)  # keeps the output of the model out of the events
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
