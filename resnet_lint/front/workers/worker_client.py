"""The client of the worker: starts it on first use, sends requests, reads reports."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from resnet_lint.apply_rules import check
from resnet_lint.graph.analysis import Analysis
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.errors import ToolFault, UsageError, WorkerError
from resnet_lint.shared.evidence import Problem
from resnet_lint.shared.records import answers
from resnet_lint.shared.records.answers import Answer
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest, Interpreter, Request, TraceRequest
from resnet_lint.shared.wire import WireError, from_json, to_json

from ..exit import TRACEBACK_VARIABLE
from .interpreter import own
from .worker_process import WorkerProcess, started

# A worker that does not exit within this time is killed.
_ENDING_SECONDS = 10.0


class _Died(Exception):
    """The worker was killed while processing requests."""


class WorkerClient:
    """The worker of a run. Thread-safe. Call `close`, or use it as a context manager.

    `choose` selects its interpreter; `interpreter` is the selected one, None before the first file. `provide` starts
    the worker, or connects to one.
    """

    def __init__(
        self, choose: Callable[[], Interpreter] = own, provide: Callable[[Interpreter], WorkerProcess] = started
    ) -> None:
        self.interpreter: Interpreter | None = None
        self._choose = choose
        self._provide = provide
        self._is_ready = False
        self._alone = threading.Lock()
        self._lock = threading.Lock()  # guards the attributes below
        self._process: WorkerProcess | None = None
        self._ids = itertools.count()
        self._waiting: dict[int, Future[Answer]] = {}
        self._end: str | None = None

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def analyse(self, request: CheckRequest) -> FileReport:
        """The report on a file.

        Raises WorkerError if there is no usable interpreter or the worker cannot start or has exited, and ToolFault for
        an error outside the user's code.
        """
        match self._answer(request):
            case answers.Checked(report):
                return report
            case answers.Ended(reason, line):
                return not_checked(request, reason, line)
            case answer:
                raise ToolFault(f"internal error of resnet-lint: {answer} for a check")

    def trace(self, request: TraceRequest) -> ModelTrace:
        """The trace of a model.

        Raises the errors of `analyse`, and UsageError if there is no such model or the file ends its process.
        """
        match self._answer(request):
            case answers.Traced(trace):
                return trace
            case answers.Ended(reason):
                raise UsageError(f"{request.path} cannot be traced: {reason}")
            case answers.Refused(reason):
                raise UsageError(reason)
            case answer:
                raise ToolFault(f"internal error of resnet-lint: {answer} for a trace")

    def close(self) -> None:
        """Stop the worker and its children; it cleans up after itself."""
        with self._lock:
            self._end = self._end or "the worker was closed"
        process = self._process
        if process is None:
            return
        if not self._is_ready:
            process.terminate()  # it is still importing torch, and would notice the end of its input too late
        process.end_requests()
        try:
            process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answer(self, request: Request) -> Answer:
        """The answer of the worker. Raises ToolFault for an internal error in the worker."""
        answer = self._with_retry(request)
        if isinstance(answer, answers.ToolFault):
            raise ToolFault(f"internal error of resnet-lint: {_without_traceback(answer.text)}")
        return answer

    def _with_retry(self, request: Request) -> Answer:
        """Send a request; if the worker dies, send it again, one file at a time."""
        try:
            return self._sent(request).result()
        except _Died:
            pass
        with self._alone:
            try:
                return self._sent(request).result()
            except _Died:
                return answers.Ended("it kills the process that checks it")

    def _sent(self, request: Request) -> Future[Answer]:
        """Send a request, and return a future of the answer."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._end is not None:
                raise WorkerError(self._end)
            if self._process is None:
                self.interpreter = self._choose()
                self._process = self._provide(self.interpreter)
                reading = (self._process, self.interpreter.executable)
                threading.Thread(target=self._read, args=reading, daemon=True).start()
            id = next(self._ids)
            self._waiting[id] = answer
            message = {"id": id, "request": to_json(request, Request)}
            with contextlib.suppress(ConnectionError):  # the reading thread notices the exit and reports it
                self._process.requests.write(json.dumps(message) + "\n")
                self._process.requests.flush()
        return answer

    def _read(self, process: WorkerProcess, executable: str) -> None:
        """Pass answers to the waiting threads until the worker exits. Runs in a separate thread."""
        folder = None
        with process.answers as lines, contextlib.suppress(ConnectionError):
            folder = json.loads(next(lines, "null"))
            self._is_ready = folder is not None
            for line in lines:
                if not line.endswith("\n"):
                    break  # the worker was killed while writing it
                message = json.loads(line)
                self._waiting.pop(message["id"]).set_result(_read_answer(message["answer"]))
        code = process.wait()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)  # in case the worker was killed
        with self._lock:
            if not self._is_ready and process.is_own:
                self._end = self._end or (
                    f"the worker ({executable}) ended with exit code {code}; does torch work there? "
                    f"{TRACEBACK_VARIABLE}=1 shows its output"
                )
            self._process, self._is_ready = None, False
            for waiting in self._waiting.values():
                waiting.set_exception(WorkerError(self._end) if self._end is not None else _Died())
            self._waiting.clear()


def _read_answer(fields: Any) -> Answer:
    """Parse an answer. An invalid one was written by the user's code, which runs in the same process."""
    try:
        answer: Answer = from_json(Answer, fields)
    except WireError:
        return answers.Ended(answers.TAMPERED)
    return answer


def not_checked(request: CheckRequest, reason: str, line: int | None = None) -> FileReport:
    """The report on a file that ended its process: a finding with the reason."""
    start = Position(line or 1, 1)
    analysis = Analysis(request.path, (Problem("ended", Span(request.path, start, start), reason),))
    return FileReport(request.path, check(analysis, load_rules(request.rule_folders)))


def _without_traceback(fault: str) -> str:
    """An internal error as one line; with the traceback if RESNET_LINT_TRACEBACK is set."""
    if os.environ.get(TRACEBACK_VARIABLE):
        return fault
    return " ".join(dict.fromkeys(line.strip() for line in (fault.splitlines()[0], fault.splitlines()[-1])))
