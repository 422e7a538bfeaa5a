"""Entry point of the engine: reads one task from stdin and writes events to stdout, one JSON object per line.

Events: `progress` (phase, done, total), then `result`, `error` (one line for the user) or `fault` (a bug).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings

# Set before torch is imported: keeps scripted functions in Python, so that the tracer can record inside them.
os.environ.update(PYTORCH_JIT="0")

from resnet_lint.shared.errors import ResnetLintError
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.evaluation import Evaluation, MultilabelPredictions, Predictions
from resnet_lint.shared.records.hardware_run import EngineTask, Result, RunRequest
from resnet_lint.shared.wire import from_json, to_json

from .events import Events


def main() -> None:
    """Run the task on the first line of stdin."""
    events = Events(os.fdopen(os.dup(1), "w", buffering=1))
    os.dup2(2, 1)  # keeps the output of the model out of the events
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    task = json.loads(sys.stdin.readline())
    try:
        events.send("result", to_json(_carried_out(from_json(EngineTask, task), events)))
    except ResnetLintError as error:
        events.send("error", str(error))
    except Exception:
        events.send("fault", traceback.format_exc())


def _carried_out(task: EngineTask, events: Events) -> Result | Evaluation:
    return _run(task, events) if isinstance(task, RunRequest) else _evaluate(task)


def _run(request: RunRequest, events: Events) -> Result:
    from ..torch_quirks.dynamo import stand_in
    from ..torch_quirks.plain_sizes import numbers_only
    from .run import run

    stand_in()
    numbers_only()
    return run(request, events)


def _evaluate(predictions: Predictions | MultilabelPredictions) -> Evaluation:
    require("torchmetrics")
    from .metrics import evaluate
    from .multilabel_metrics import evaluate_multilabel

    return evaluate(predictions) if isinstance(predictions, Predictions) else evaluate_multilabel(predictions)
