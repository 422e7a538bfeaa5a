"""Checks, fixes and traces single files on workers that stay alive: for `server` and `mcp`."""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_lint.shared.errors import ResnetLintError, UsageError
from resnet_lint.shared.records.model_trace import ModelTrace
from resnet_lint.shared.records.reports import FileReport, Rewrite, Run
from resnet_lint.shared.records.requests import CheckRequest, Interpreter, TraceRequest

from .check import pipeline
from .options.configuration import Given
from .options.settings import Settings
from .source.contents import read_content
from .source.discover import SourceFile
from .source.outline import Unreadable
from .user_targets import check_class, targets_of
from .workers.analyser import Analyser
from .workers.warm_workers import WarmWorkers


class Superseded(ResnetLintError):
    """The text has changed during its check; the result is no longer needed."""


@dataclass(frozen=True)
class Text:
    """The text of a file, saved or not; `only_class` is the class or function to check."""

    path: Path
    text: str
    only_class: str | None = None

    @property
    def as_file(self) -> SourceFile:
        return SourceFile(self.path, self.path.name, self.only_class, explicit=True, data=_encoded(self.text))


def _always() -> bool:
    return True


def _ignore(run: Run, is_complete: bool) -> None:
    pass


class WarmChecks:
    """Checks and traces texts. Thread-safe. Call `close` at the end.

    `given` are the settings that take precedence over the configuration of each file. All methods raise ConfigError
    for an invalid configuration, and WorkerError if there is no usable interpreter.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._workers = WarmWorkers()

    def close(self) -> None:
        """Stop the workers."""
        self._workers.close()

    def check(
        self,
        text: Text,
        *,
        is_current: Callable[[], bool] = _always,
        found: Callable[[Run, bool], None] = _ignore,
        quick_first: bool = False,
    ) -> Run:
        """Check a text, with verified fixes. `found` gets the findings before their fixes are verified.

        With `quick_first`, it also gets those of an incomplete check, which traces a few models only: those that cover
        all classes. Raises Superseded as soon as a part of the check ends and `is_current` returns False.
        """
        settings = self._settings(text.path)
        with self._workers.near(text.path, settings.python) as client:
            remembering = _Remembering(client, is_current)
            if quick_first:
                found(_run(text, settings, _WithoutPlans(remembering, quick=True)), False)
            found(_run(text, settings, _WithoutPlans(remembering)), True)
            return _run(text, settings, remembering)

    def fixed(self, text: Text, *, unsafe: bool = False) -> Rewrite | None:
        """Apply all safe fixes, or unsafe ones too, without writing the file; None if there are none."""
        settings = replace(self._settings(text.path), diff=True, unsafe_fixes=unsafe)
        with self._workers.near(text.path, settings.python) as client:
            return next(iter(_run(text, settings, client).rewrites), None)

    def paths(self, argument: str, cwd: Path, *, fix: bool = False, unsafe: bool = False) -> Run:
        """Check a file, a folder or a class as the command `check` does. Raises UsageError too.

        With `fix`, its fixes are written; unsafe ones only with `unsafe`.
        """
        settings = replace(self._given.load(cwd), fix=fix, unsafe_fixes=unsafe, diff=False, write_baseline=False)
        with self.analyser(settings, argument, cwd) as client:
            return pipeline.check([argument], settings, client, cwd=cwd)

    @contextmanager
    def analyser(self, settings: Settings, first: str | SourceFile, cwd: Path) -> Iterator[Analyser]:
        """The worker for any number of checks, in the interpreter for the first file or folder."""
        near = first.path if isinstance(first, SourceFile) else Path(os.path.abspath(cwd / first.partition("::")[0]))
        with self._workers.near(near, settings.python) as client:
            yield client

    def trace(self, text: Text) -> ModelTrace:
        """Trace the main model of a text, or its `only_class`. Raises UsageError if that is not possible."""
        settings, file = self._settings(text.path), text.as_file
        content = read_content(file.path, file.data)
        if isinstance(content.outline, Unreadable):
            raise UsageError(f"line {content.outline.line}: {content.outline.reason}")
        check_class(file, content.outline)
        request = TraceRequest(
            path=str(file.path),
            only_class=file.only_class,
            targets=targets_of(file, content.outline, content.comments, settings),
            seconds=settings.timeout,
            guard=settings.guard,
            allow=settings.allow,
            source=text.text,
        )
        with self._workers.near(text.path, settings.python) as client:
            return client.trace(request)

    def _settings(self, path: Path) -> Settings:
        """The settings of a file, without what a check of a single file does not do."""
        settings = self._given.load(path.parent)
        return replace(settings, fix=False, diff=False, write_baseline=False, shard=None, force_exclude=True, jobs=1)


def _run(text: Text, settings: Settings, analyser: Analyser) -> Run:
    return pipeline.check([text.as_file], settings, analyser, cwd=text.path.parent)


class _Remembering:
    """An analyser that answers the same request once, and stops if the text has changed."""

    def __init__(self, analyser: Analyser, is_current: Callable[[], bool]) -> None:
        self._analyser = analyser
        self._is_current = is_current
        self._known: dict[CheckRequest, FileReport] = {}

    @property
    def interpreter(self) -> Interpreter | None:
        return self._analyser.interpreter

    def analyse(self, request: CheckRequest) -> FileReport:
        """The report on a file. Raises Superseded."""
        if request not in self._known:
            if not self._is_current():
                raise Superseded("the text has changed")
            self._known[request] = self._analyser.analyse(request)
        return self._known[request]


@dataclass(frozen=True)
class _WithoutPlans:
    """An analyser whose findings have no fix plans, so that no fixes are verified."""

    analyser: Analyser
    quick: bool = False

    @property
    def interpreter(self) -> Interpreter | None:
        return self.analyser.interpreter

    def analyse(self, request: CheckRequest) -> FileReport:
        """The report on a file. Raises the errors of the analyser."""
        report = self.analyser.analyse(replace(request, quick=self.quick))
        return replace(report, findings=tuple(replace(finding, fix_plan=None) for finding in report.findings))


def _encoded(text: str) -> bytes:
    """The bytes of a text, in the encoding that it declares."""
    data = text.encode("utf-8", "replace")
    with suppress(SyntaxError, LookupError, UnicodeError):
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return text.encode(encoding)
    return data
