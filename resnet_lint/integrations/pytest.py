"""The pytest plugin: `pytest --resnet-lint models/` turns classes into tests, and fixtures check model objects.

pytest imports this file in every run, so anything but pytest is imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..front.options.settings import Settings
    from ..front.workers.analyser import Analyser
    from ..shared.records.findings import Finding
    from ..shared.records.reports import ClassStatus, Run

_OF_THE_FILE = "file"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("resnet-lint")
    group.addoption(
        "--resnet-lint", action="store_true", help="Check the models in the given files, one test per class."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "resnet_lint(ignore): codes of rules that assert_no_findings ignores")


def pytest_unconfigure(config: pytest.Config) -> None:
    if (checking := config.stash.get(_CHECKING, None)) is not None:
        checking.close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not parent.config.getoption("--resnet-lint") or file_path.suffix != ".py":
        return None
    return LintedFile.from_parent(parent, path=file_path)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Prevent pytest from importing a model file on the command line as a test module."""
    patterns = parent.config.getini("python_files")
    if not parent.config.getoption("--resnet-lint") or any(module_path.match(pattern) for pattern in patterns):
        return None
    return _NoTests.from_parent(parent, path=module_path)


class _NoTests(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        return []


class FindingsFailure(Exception):
    """The failure of a test; the message is the report."""


class LintedFile(pytest.File):
    """A Python file with models; it is checked once, before its first test."""

    _run: Run | None = None

    def collect(self) -> Iterator[pytest.Item]:
        from ..front.source.discover import may_define_modules
        from ..front.source.outline import Unreadable, read_outline

        source = self.path.read_bytes()
        if not may_define_modules(source):
            return
        outline = read_outline(self.path, source)
        lines = {} if isinstance(outline, Unreadable) else {cls.name: cls.line for cls in outline.classes}
        if lines or isinstance(outline, Unreadable):
            for name, line in {**lines, _OF_THE_FILE: 1}.items():
                yield LintedClass.from_parent(self, name=name, line=line)

    def checked(self) -> Run:
        """The result of checking the file."""
        if self._run is None:
            self._run = _checking(self.config).run(self.path)
        return self._run


class LintedClass(pytest.Item):
    """A test of one class, or of the code outside all classes of a file."""

    def __init__(self, *, line: int, **of_pytest: Any) -> None:
        super().__init__(**of_pytest)
        self._line = line - 1  # pytest counts from 0

    def runtest(self) -> None:
        from ..front.check.merge_reports import at_least

        file = self.parent
        assert isinstance(file, LintedFile)
        run, settings = file.checked(), _checking(self.config).settings
        status = next((status for status in run.classes if status.name == self.name), None)
        found = self._mine(run)
        if run.faults:
            raise FindingsFailure(run.faults[0])
        if settings.fail_on != "never" and at_least(found, settings.fail_on):
            raise FindingsFailure(_text(run, found, self.config.rootpath))
        if status is not None and status.status != "checked":
            raise pytest.skip.Exception(_why(status), _use_item_location=True)

    def _mine(self, run: Run) -> tuple[Finding, ...]:
        """The findings in the class, and the errors in other classes that it met when it was run as a model."""
        names = {status.name for status in run.classes}
        of_classes = {name: name.rpartition(".")[2] for name in names}
        if self.name == _OF_THE_FILE:
            known = {*names, *of_classes.values()}
            return tuple(finding for finding in run.findings if finding.module not in known)
        own = (self.name, of_classes.get(self.name))
        runs = [status.how for status in run.classes if status.name == self.name and status.how is not None]
        return tuple(
            finding
            for finding in run.findings
            if finding.module in own or (finding.severity == "error" and finding.target in runs)
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, FindingsFailure) else super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self._line, f"resnet-lint {self.path.name}::{self.name}"


def _why(status: ClassStatus) -> str:
    return f"{status.status}: {status.reason}"


def _text(run: Run, found: tuple[Finding, ...], cwd: Path) -> str:
    from dataclasses import replace

    from ..front.check.report import View, render

    shown = replace(run, files=tuple(replace(file, findings=found) for file in run.files[:1]))
    return render("text", shown, View(cwd, quiet=True)).rstrip("\n")


class _Checking:
    """The settings of a session, and the worker for all of its files."""

    def __init__(self, cwd: Path) -> None:
        from ..front.options.configuration import load

        self.cwd = cwd
        self.settings: Settings = load({}, cwd=cwd)
        self._stack = ExitStack()
        self._analyser: Analyser | None = None

    def run(self, path: Path) -> Run:
        from ..front.check import pipeline
        from ..front.check.check_and_report import analyser

        if self._analyser is None:
            self._analyser = self._stack.enter_context(analyser(self.settings, str(path), self.cwd))
        return pipeline.check([str(path)], self.settings, self._analyser, cwd=self.cwd)

    def close(self) -> None:
        self._stack.close()


_CHECKING = pytest.StashKey[_Checking]()


def _checking(config: pytest.Config) -> _Checking:
    if _CHECKING not in config.stash:
        config.stash[_CHECKING] = _Checking(config.rootpath)
    return config.stash[_CHECKING]


@pytest.fixture
def resnet_lint() -> ModuleType:
    """The package, with `check`, `trace` and `contract` for model objects."""
    import resnet_lint

    return resnet_lint


@pytest.fixture
def assert_no_findings(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function with the arguments of `resnet_lint.check` that fails the test if there is an error or a warning.

    `@pytest.mark.resnet_lint(ignore=["RL105"])` ignores rules.
    """
    ignored = tuple(code for mark in request.node.iter_markers("resnet_lint") for code in mark.kwargs.get("ignore", ()))
    if ignored:
        _require_known(ignored)

    def assert_no_findings(model: object, *inputs: Any, **kwargs: Any) -> None:
        from ..live import check

        report = check(model, *inputs, **kwargs)
        counted = (finding for finding in report.findings if finding.severity != "info")
        found = tuple(finding for finding in counted if not (ignored and finding.rule.startswith(ignored)))
        if found:
            pytest.fail(_text(report.run, found, Path.cwd()), pytrace=False)

    return assert_no_findings


def _require_known(codes: tuple[str, ...]) -> None:
    """Raise UsageError if no rule has one of these codes."""
    from ..front.check.selection import check_codes
    from ..rule_loader import load_rules

    check_codes(codes, load_rules())
