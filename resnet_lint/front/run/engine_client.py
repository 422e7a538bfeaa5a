"""The front's side of the engine: starts it for one task, follows its events, and hands back the result."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import cattrs

from resnet_lint.shared.errors import ToolFault, UsageError, WorkerError
from resnet_lint.shared.records.hardware_run import Evaluation, Predictions, Result, RunRequest
from resnet_lint.shared.records.requests import Interpreter

from ..workers.interpreter import START

OnEvent = Callable[[str, Mapping[str, Any]], None]
"""Called with each event before the last one: its kind and its fields."""

_TRACEBACK_VARIABLE = "RESNET_LINT_TRACEBACK"


def run(request: RunRequest, interpreter: Interpreter, on_event: OnEvent) -> Result:
    """Carry out an order in an engine of its own, run by an interpreter that has torch.

    Raises UsageError where the model cannot be run as ordered, WorkerError where the engine dies (as where memory runs
    out), ToolFault for a bug, and KeyboardInterrupt where the user stopped it before there was a result.
    """
    return cattrs.structure(_answer("run", request, interpreter, on_event), Result)


def evaluate(answers: Predictions, interpreter: Interpreter) -> Evaluation:
    """The metrics of some answers. Raises as `run` does."""
    return cattrs.structure(_answer("evaluate", answers, interpreter, lambda kind, value: None), Evaluation)


def _answer(job: str, task: RunRequest | Predictions, interpreter: Interpreter, on_event: OnEvent) -> Any:
    with tempfile.TemporaryFile("w+") as log, _engine(interpreter, log) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"job": job, "task": dataclasses.asdict(task)}) + "\n")
        process.stdin.close()
        for kind, value in _events(process):
            if kind == "result":
                return value
            if kind == "error":
                raise UsageError(value)
            if kind == "fault":
                raise ToolFault(f"a fault of resnet-lint itself: {_last_line(value)}")
            on_event(kind, value)
        raise WorkerError(_why_dead(process.wait(), log))


@contextmanager
def _engine(interpreter: Interpreter, log: IO[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [interpreter.executable, START, "execute"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get(_TRACEBACK_VARIABLE) else log,
        text=True,
        process_group=0,  # Ctrl-C reaches it through `_events` alone, and once
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _events(process: subprocess.Popen[str]) -> Iterator[tuple[str, Any]]:
    """The engine's events until it ends. Ctrl-C is handed on, so that it can end in order; a second one is final."""
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
        return "the system ended the run, most likely because memory ran out; try a smaller --batch"
    log.seek(0)
    last = _last_line(log.read())
    return f"the run ended with exit code {code}{f': {last}' if last else ''}; {_TRACEBACK_VARIABLE}=1 shows more"


def _last_line(text: str) -> str:
    if os.environ.get(_TRACEBACK_VARIABLE):
        return text
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
