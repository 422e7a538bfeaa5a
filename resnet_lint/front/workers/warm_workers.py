"""Workers that stay alive between checks, so that torch is imported once: for editors and coding agents."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resnet_lint.shared.errors import ToolFault, WorkerError
from resnet_lint.shared.records.requests import Interpreter

from .interpreter import chooser
from .worker_client import WorkerClient

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")

Stamp = tuple[int | None, ...]
"""Changes whenever packages are installed in an environment, or removed."""


@dataclass
class _Warm:
    """A worker, the packages that it may have imported, and the number of its current users."""

    client: WorkerClient
    packages: Stamp
    users: int = 0
    is_replaced: bool = False


class WarmWorkers:
    """One worker per interpreter, started on first use. Thread-safe. Call `close` at the end.

    A worker forks for every file, so changed files need no new one. It is replaced if packages were installed or
    removed, because it has imported some of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen: dict[tuple[Path | None, Path], Interpreter] = {}
        self._workers: dict[str, _Warm] = {}

    @contextmanager
    def near(self, path: Path, python: Path | None) -> Iterator[WorkerClient]:
        """The worker for a file, in the interpreter `python`, or else the one that belongs to the file.

        Raises UsageError for an invalid `python`, and WorkerError if there is no usable interpreter. After a
        WorkerError in the with block, the next file gets a new worker.
        """
        warm = self._taken(self._interpreter(path, python))
        try:
            yield warm.client
        except ToolFault:
            raise
        except WorkerError:
            self._forget(warm)
            raise
        finally:
            self._give_back(warm)

    def close(self) -> None:
        """Stop all workers."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
        for warm in workers:
            warm.client.close()

    def _interpreter(self, path: Path, python: Path | None) -> Interpreter:
        key = python, path.parent
        known = self._chosen.get(key)
        if known is None or not os.path.exists(known.executable):
            known = self._chosen[key] = chooser(python, path)()
        return known

    def _taken(self, interpreter: Interpreter) -> _Warm:
        """The worker of an interpreter; an outdated one is stopped by its last user."""
        packages = _packages(interpreter)
        with self._lock:
            warm = self._workers.get(interpreter.executable)
            if warm is not None and warm.packages != packages:
                self._replace(warm)
                warm = None
            if warm is None:
                warm = self._workers[interpreter.executable] = _Warm(WorkerClient(lambda: interpreter), packages)
            warm.users += 1
            return warm

    def _forget(self, warm: _Warm) -> None:
        with self._lock:
            self._chosen.clear()
            for executable, known in list(self._workers.items()):
                if known is warm:
                    del self._workers[executable]
            self._replace(warm)

    def _replace(self, warm: _Warm) -> None:
        warm.is_replaced = True
        if not warm.users:
            warm.client.close()

    def _give_back(self, warm: _Warm) -> None:
        with self._lock:
            warm.users -= 1
            is_last = warm.is_replaced and not warm.users
        if is_last:
            warm.client.close()


def _packages(interpreter: Interpreter) -> Stamp:
    folders = [folder for folder in interpreter.search_path if Path(folder).name in _PACKAGE_FOLDERS]
    return tuple(map(_changed, folders))


def _changed(folder: str) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None
