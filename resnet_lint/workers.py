"""The front's side of the worker: starts it when it is first needed, sends requests, reads reports."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import cattrs

from .errors import ToolFault, WorkerError
from .records import FileReport, Request

_TRACEBACK_VARIABLE = "RESNET_LINT_TRACEBACK"


class Workers:
    """A worker process for one run; close it, or use it as a context manager.

    `torch` is the version of torch that the worker runs, None until a first file was analysed.
    """

    def __init__(self) -> None:
        self.torch: str | None = None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def analyse(self, request: Request) -> FileReport:
        """The report on one file.

        Raises WorkerError where the worker cannot start, and ToolFault where it fails outside the user's code.
        """
        process = self._started()
        assert process.stdin is not None
        process.stdin.write(json.dumps(dataclasses.asdict(request)) + "\n")
        process.stdin.flush()
        return cattrs.structure(self._answer(process), FileReport)

    def close(self) -> None:
        """End the worker; it cleans up after itself."""
        if self._process is None:
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            folder = str(Path(__file__).parents[1])
            path = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
            self._process = subprocess.Popen(
                # -P: the user's random.py in the working folder must not stand in for Python's own.
                [sys.executable, "-P", "-m", "resnet_lint.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get(_TRACEBACK_VARIABLE) else subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": path},
            )
            self.torch = self._answer(self._process)["torch"]
        return self._process

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            raise WorkerError(
                f"the worker ({sys.executable}) ended with exit code {code}; is torch installed there? "
                f"{_TRACEBACK_VARIABLE}=1 shows what it says"
            )
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            raise ToolFault(f"a fault of resnet-lint itself: {_without_traceback(answer['fault'])}")
        return answer


def _without_traceback(fault: str) -> str:
    """One line of a fault; all of it where the user asks for tracebacks."""
    if os.environ.get(_TRACEBACK_VARIABLE):
        return fault
    return " ".join(dict.fromkeys(line.strip() for line in (fault.splitlines()[0], fault.splitlines()[-1])))
