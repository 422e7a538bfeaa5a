"""Caches reports and traces by content, so that unchanged files are not traced again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from resnet_lint.rule_loader import built_in_folder
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.reports import FileReport, Fixed
from resnet_lint.shared.records.requests import CheckRequest, Interpreter, Request, TraceRequest
from resnet_lint.shared.source_text import digest
from resnet_lint.shared.wire import from_json, to_json

from .analyser import Analyser, Tracer
from .remembered import cache_folder, remembered, write_if_possible
from .shared_cache import SharedCache
from .shared_names import SharedEntry, folders, machine, name_of
from .stamps import Stamp, sources, stamp

_Result = TypeVar("_Result", FileReport, Fixed, ModelTrace)

_MOST_BYTES = 256 * 2**20
_MOST_SECONDS = 30 * 24 * 3600.0


class Cache:
    """Caches the results of the workers, or of another analyser. Call `close`, or use it as a context manager.

    A result is valid as long as nothing of this changes: the request, the files that were read for it, the rules, the
    tool, the interpreter and its packages. Processes and threads may share the folder. An unwritable folder or a
    damaged entry is not an error.

    `choose` selects the interpreter that loads the models, without starting torch. `cwd` is the working directory of
    the worker, by default that of this process. `shared` has results of other machines for files below it, none that
    met a time limit: other machines may be faster.
    """

    def __init__(
        self,
        analyser: Analyser,
        choose: Callable[[], Interpreter],
        folder: Path | None = None,
        cwd: Path | None = None,
        shared: SharedCache | None = None,
    ) -> None:
        self.interpreter: Interpreter | None = None
        self._analyser = analyser
        self._choose = choose
        self._cwd = cwd
        self._shared = shared
        self._folder = cache_folder() if folder is None else folder
        self._digests = _Digests()
        self._grown = False

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def analyse(self, request: CheckRequest) -> FileReport:
        """The report on a file. Raises the errors of the analyser."""
        return self._result(FileReport, request, lambda: self._analyser.analyse(request), self._rules(request))

    def fixes(self, request: CheckRequest, of: Any, make: Callable[[], Fixed]) -> Fixed:
        """The fixes for the report on a request; `of` is JSON data of all else that they depend on."""
        return self._result(Fixed, request, make, self._rules(request), of)

    def trace(self, request: TraceRequest) -> ModelTrace:
        """The trace of a model. Raises the errors of the worker client."""
        tracer = self._analyser
        assert isinstance(tracer, Tracer)
        return self._result(ModelTrace, request, lambda: tracer.trace(request))

    def _rules(self, request: CheckRequest) -> object:
        return [self._digests.of_all(Path(folder).glob("*.py")) for folder in request.rule_folders]

    def _result(self, kind: type[_Result], request: Request, make: Callable[[], _Result], *parts: object) -> _Result:
        """The cached result of a request, else a new one. `parts` belong to the key of the entry."""
        entry = self._folder / self._key(request, *parts)
        known = _read(kind, entry, self._digests)
        if known is not None:
            return known
        others = self._shared_entry(request, *parts)
        shared = _valid(kind, others.get(), self._digests)
        result = shared or make()
        if result.reads is not None:
            self._grown = True
            _write(entry, result)
            if shared is None and not (isinstance(result, FileReport | Fixed) and result.out_of_time):
                others.put(to_json(result))
        return result

    def _shared_entry(self, request: Request, *parts: object) -> SharedEntry:
        """The place of a result in the shared cache; nowhere for files outside of the working directory."""
        cwd = self._cwd or Path.cwd()
        if self._shared is None or not Path(request.path).is_relative_to(cwd):
            return SharedEntry(None, "", {})
        assert self.interpreter is not None, "the local key is computed first"
        places = folders(cwd, self.interpreter)
        of_request = [type(request).__name__, to_json(request), self._digests.of(request.path)]
        return SharedEntry(self._shared, name_of([self._machine, *of_request, *parts], places), places)

    @cached_property
    def _machine(self) -> object:
        assert self.interpreter is not None
        return machine(self.interpreter, self._digests.of_all(_tool()))

    def close(self) -> None:
        """Remove old entries if new ones were written."""
        if self._grown:
            _prune(self._folder)

    def _key(self, request: Request, *parts: object) -> str:
        # The file is among the reads too. Having it in the key allows entries for two git branches.
        of_request = [
            type(request).__name__,
            to_json(request),
            self._digests.of(request.path),
            str(self._cwd or Path.cwd()),
        ]
        return hashlib.sha256(json.dumps([self._circumstances, *of_request, *parts]).encode()).hexdigest()

    @cached_property
    def _circumstances(self) -> object:
        """The part of the key that is the same for all requests of a run."""
        self.interpreter = interpreter = self._choose()
        tool = [*sources(str(Path(__file__).parents[2])), *sources(str(built_in_folder()))]
        records = [
            (record, stamp(record))
            for folder in interpreter.search_path
            for record in map(str, sorted(Path(folder).glob("*.*-info/RECORD")))
        ]
        return [self._digest(tool), self._digest(records), to_json(interpreter)]

    def _digest(self, stamped: list[tuple[str, Stamp]]) -> object:
        """A digest of the contents of files, which is the same on every machine."""

        def digest() -> str:
            contents = [(path, self._digests.of(path)) for path, _ in stamped]
            return hashlib.sha256(json.dumps(contents).encode()).hexdigest()

        return remembered(stamped, lambda value: None, digest, self._folder)


def _tool() -> list[Path]:
    return [*Path(__file__).parents[2].rglob("*.py"), *built_in_folder().glob("*.py")]


class _Digests:
    """The digests of files, each computed once as long as its stamp stays; `--fix` changes files."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int, int], str | None] = {}

    def of(self, path: str) -> str | None:
        """The digest of a file; None if there is none."""
        try:
            stat = os.stat(path)
        except OSError:
            return None
        key = path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        if key not in self._known:
            self._known[key] = digest(path)
        return self._known[key]

    def of_all(self, files: Iterable[Path]) -> list[tuple[str, str | None]]:
        return [(str(file), self.of(str(file))) for file in sorted(files)]


def _read(kind: type[_Result], entry: Path, digests: _Digests) -> _Result | None:
    """The result in an entry, if it is undamaged and none of the files has changed; else None."""
    try:
        checksum, _, body = entry.read_bytes().partition(b"\n")
    except OSError:
        return None
    if checksum != _checksum(body):
        return None
    result = _valid(kind, json.loads(body), digests)
    if result is not None:
        with contextlib.suppress(OSError):
            os.utime(entry)  # mark as used for _prune
    return result


def _valid(kind: type[_Result], data: Any, digests: _Digests) -> _Result | None:
    """The result in JSON data, if none of the files that it depends on has changed; else None."""
    if data is None or any(digests.of(path) != was for path, was in data["reads"].items()):
        return None
    return from_json(kind, data)


def _write(entry: Path, result: FileReport | Fixed | ModelTrace) -> None:
    body = json.dumps(to_json(result)).encode()
    write_if_possible(entry, _checksum(body) + b"\n" + body)


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _prune(folder: Path) -> None:
    """Remove entries that were not used for long, and the oldest ones beyond the maximum size."""
    now, size = time.time(), 0
    for age, bytes_, entry in sorted(_entries(folder, now)):
        size += bytes_
        if age > _MOST_SECONDS or size > _MOST_BYTES:
            with contextlib.suppress(OSError):
                entry.unlink()


def _entries(folder: Path, now: float) -> Iterator[tuple[float, int, Path]]:
    for entry in (path for path in folder.rglob("*") if path.is_file()):
        with contextlib.suppress(OSError):  # another process may have removed it
            stat = entry.stat()
            yield now - stat.st_mtime, stat.st_size, entry
