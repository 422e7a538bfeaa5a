"""The task that runs on the workers of a scan. It imports no engine."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from resnet_lint import __version__
from resnet_lint.shared.errors import ResnetLintError, UsageError
from resnet_lint.shared.portable import with_folders, without_folders
from resnet_lint.shared.source_text import digest
from resnet_lint.shared.wire import from_json, to_json

from ..check.part import FileResult
from ..check.plan import planned
from ..options.settings import Settings
from ..workers.answer_cache import Cache
from ..workers.interpreter import chooser
from ..workers.shared_cache import shared_cache
from ..workers.worker_client import WorkerClient
from ..workers.worker_process import started
from .checkout import checkout
from .group import Group, GroupResult, settings_of
from .targets import Target

# Code of users gets these variables and no others, because those of a cluster may be secrets.
_PASSED_ON = ("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "LD_LIBRARY_PATH")
_PASSED_ON_BEGINNINGS = ("LC_", "CUDA_", "OMP_", "MKL_", "XDG_", "RESNET_LINT_TRACEBACK")


def check_group(data: Mapping[str, Any]) -> Any:
    """Check the files of a group (JSON data of `Group`); returns the JSON data of a `GroupResult`.

    Raises UsageError if the client has another version of resnet-lint.
    """
    if data.get("version") != __version__:
        raise UsageError(f"a worker has resnet-lint {__version__}, and the client {data.get('version')}")
    here = ""
    try:
        here = str(_folder(data["checkout"]["location"], data["checkout"]["commit"]))
        moved = with_folders(without_folders(data, {"root": data["root"]}), {"root": here})
        result = _checked(from_json(Group, moved), Path(here))
    except ResnetLintError as error:
        result = GroupResult(problem=str(error))
    return without_folders(to_json(result), {"root": here} if here else {})


def _folder(location: str, commit: str | None) -> Path:
    if commit is not None:
        return checkout(Target(location), commit)
    if not os.path.isdir(location):
        raise UsageError(f"a worker does not see the folder {location}; scan the URL of the repository instead")
    return Path(location)


def _checked(group: Group, root: Path) -> GroupResult:
    settings = settings_of(group)
    plan = planned(group.files, settings, root)
    with _warm.analyser(root, settings) as analyser:
        checker = plan.checker(analyser)
        results = tuple(
            FileResult(file.display, file.only_class, digest(file.path), checker.check((file, outline)))
            for file, outline in plan.wanted
        )
        return GroupResult(results, analyser.interpreter)


@dataclass
class _Open:
    """The open worker of a process, for one repository and interpreter."""

    root: Path
    python: Path | None
    client: WorkerClient
    cache: Cache | None


class _Warm:
    """Keeps the worker of the last repository, so that torch is imported once for its groups. Thread-safe."""

    def __init__(self) -> None:
        self._idle: list[_Open] = []
        self._lock = Lock()
        atexit.register(self.close)

    @contextlib.contextmanager
    def analyser(self, root: Path, settings: Settings) -> Iterator[WorkerClient | Cache]:
        """The worker for a repository, for this caller alone inside the with block."""
        taken = self._taken(root, settings)
        try:
            yield taken.cache if settings.cache and taken.cache is not None else taken.client
        except BaseException:
            _close(taken)
            raise
        with self._lock:
            self._idle.append(taken)

    def close(self) -> None:
        """Stop all idle workers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            _close(kept)

    def _taken(self, root: Path, settings: Settings) -> _Open:
        with self._lock:
            for kept in self._idle:
                if (kept.root, kept.python) == (root, settings.python):
                    self._idle.remove(kept)
                    return kept
            others, self._idle = self._idle, []
        for kept in others:
            _close(kept)
        choose = chooser(settings.python, root, settings.cache)
        client = WorkerClient(choose, lambda interpreter: started(interpreter, root, _environment()))
        if not settings.cache:
            return _Open(root, settings.python, client, None)
        shared = None if settings.cache_url is None else shared_cache(settings.cache_url)
        return _Open(root, settings.python, client, Cache(client, choose, cwd=root, shared=shared))


def _close(opened: _Open) -> None:
    if opened.cache is not None:
        opened.cache.close()
    opened.client.close()


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_BEGINNINGS)
    }


_warm = _Warm()
