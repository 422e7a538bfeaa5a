"""Client of the engine: starts it for one task, follows its events, and returns the result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from resnet_lint.shared.errors import ToolFault, UsageError, WorkerError
from resnet_lint.shared.records.evaluation import Evaluation, MultilabelPredictions, Predictions
from resnet_lint.shared.records.hardware_run import EngineTask, Result, RunRequest
from resnet_lint.shared.records.requests import Interpreter
from resnet_lint.shared.wire import from_json, to_json

from ..exit import TRACEBACK_VARIABLE
from ..workers.interpreter import START

OnEvent = Callable[[str, Mapping[str, Any]], None]
"""Called with the kind and the fields of each event before the last one."""


def run(request: RunRequest, interpreter: Interpreter, on_event: OnEvent) -> Result:
    """Run a request in a new engine process, with an interpreter that has torch.

    Raises UsageError if the model cannot be run as requested, WorkerError if the engine dies (such as out of memory),
    ToolFault for a bug, and KeyboardInterrupt if the user stopped it before there was a result.
    """
    return from_json(Result, _result(request, interpreter, on_event))


def evaluate(predictions: Predictions | MultilabelPredictions, interpreter: Interpreter) -> Evaluation:
    """Compute the metrics of predictions. Raises the same errors as `run`."""
    return from_json(Evaluation, _result(predictions, interpreter, lambda kind, value: None))


def _result(task: EngineTask, interpreter: Interpreter, on_event: OnEvent) -> Any:
    with tempfile.TemporaryFile("w+") as log, _engine(interpreter, log) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(to_json(task, EngineTask)) + "\n")
        process.stdin.close()
        for kind, value in _events(process):
            if kind == "result":
                return value
            if kind == "error":
                raise UsageError(value)
            if kind == "fault":
                raise ToolFault(f"internal error of resnet-lint: {_last_line(value)}")
            on_event(kind, value)
        raise WorkerError(_why_dead(process.wait(), log))


@contextmanager
def _engine(interpreter: Interpreter, log: IO[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [interpreter.executable, START, "execute"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get(TRACEBACK_VARIABLE) else log,
        text=True,
        process_group=0,  # so that Ctrl-C reaches it once, through `_events`
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _events(process: subprocess.Popen[str]) -> Iterator[tuple[str, Any]]:
    """Yield events until the engine exits. The first Ctrl-C is passed on for a clean exit, a second one is raised."""
    assert process.stdout is not None
    interrupted = False
    while True:
        try:
            line = process.stdout.readline()
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            process.send_signal(signal.SIGINT)
            continue
        if not line:
            break
        event = json.loads(line)
        yield event["event"], event["value"]
    if interrupted:
        raise KeyboardInterrupt


def _why_dead(code: int, log: IO[str]) -> str:
    if code == -signal.SIGKILL:
        return "the run was killed, most likely out of memory; try a smaller --batch"
    log.seek(0)
    last = _last_line(log.read())
    return f"the run exited with code {code}{f': {last}' if last else ''}; set {TRACEBACK_VARIABLE}=1 for the traceback"


def _last_line(text: str) -> str:
    if os.environ.get(TRACEBACK_VARIABLE):
        return text
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
