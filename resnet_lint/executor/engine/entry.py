"""The engine's entry: one order on standard input, then events on standard output, one JSON object a line.

Events: `progress` (phase, done, total), and at the end `result`, `error` (one line for the user) or `fault` (a bug).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings

# Before torch is imported: scripted functions stay Python, so that the tracer sees inside them.
os.environ.update(PYTORCH_JIT="0")

from ...errors import ResnetLintError
from ...shapes.dynamo import stand_in
from ..records import Order
from .events import Events
from .run import run


def main() -> None:
    """Carry out the order that the first line of standard input holds."""
    events = Events(os.fdopen(os.dup(1), "w", buffering=1))
    os.dup2(2, 1)  # what the model prints must not get between the events
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    stand_in()
    order = Order.from_fields(json.loads(sys.stdin.readline()))
    try:
        events.send("result", run(order, events))
    except ResnetLintError as error:
        events.send("error", str(error))
    except Exception:
        events.send("fault", traceback.format_exc())
