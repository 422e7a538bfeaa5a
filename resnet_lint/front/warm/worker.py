"""The worker that stays for several runs: started by `resnet-lint server --warm` or on demand; runs connect to it."""

from __future__ import annotations

import os
from collections.abc import Callable

from resnet_lint.shared.errors import ResnetLintError, WorkerError
from resnet_lint.shared.records.requests import Interpreter

from ..exit import TRACEBACK_VARIABLE
from ..workers.interpreter import START
from ..workers.worker_process import ForkedWorker, WorkerProcess, started
from . import process


class WarmOrOwn:
    """Provides the worker of a run: a fork of the one that stays, or else one of its own.

    `starts` is whether to start one that stays if there is none. `note` gets a line about why it was not used.
    """

    def __init__(self, note: Callable[[str], None], *, starts: bool = False) -> None:
        self._note = note
        self._starts = starts
        self._is_tried = False

    def __call__(self, interpreter: Interpreter) -> WorkerProcess:
        """A worker. A second one, after the first one has died, is always started."""
        first, self._is_tried = not self._is_tried, True
        if first and not os.environ.get(TRACEBACK_VARIABLE):
            try:
                if self._starts:
                    start(interpreter)
                warm = connected(interpreter)
                if warm is None and process.is_outdated(interpreter.executable, _key(interpreter)):
                    raise WorkerError(process.OUTDATED)
            except (OSError, ResnetLintError) as error:
                self._note(f"{error}; started another one")
                warm = None
            if warm is not None:
                return warm
        elif not first:
            self._note("the worker has died; started another one")
        return started(interpreter)


def connected(interpreter: Interpreter) -> ForkedWorker | None:
    """A fork of the worker that stays; None if there is none. Raises WorkerError if it cannot be used."""
    if not os.path.lexists(process.private_folder()):
        return None
    found = process.connection_to(interpreter.executable, _key(interpreter))
    return None if found is None else ForkedWorker(*found)


def start(interpreter: Interpreter) -> tuple[int, bool]:
    """Start the worker that stays, unless it runs; return its process ID, and whether it was started.

    An outdated one of the same interpreter is stopped. Raises UsageError and WorkerError.
    """
    command = [interpreter.executable, str(START), "stay"]
    return process.start(interpreter.executable, _key(interpreter), command)


def _key(interpreter: Interpreter) -> str:
    return process.key_of(interpreter.executable, interpreter.search_path, interpreter.python, interpreter.torch)
