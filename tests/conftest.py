"""Shared fixtures: one real worker process, and the command line that uses it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import chdir, nullcontext

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from resnet_lint.front.cli import main
from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.requests import CheckRequest

Lint = Callable[..., Result]

settings.register_profile("any machine", deadline=None)  # a slow machine is not a failure
settings.load_profile("any machine")

# A background job of a shell ignores Ctrl-C, and so do the processes that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Variables of the shell that must not affect the tests.
_SHELL_VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX", "PRE_COMMIT")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new cache, so that no test reads or writes the user's cache or that of an earlier run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # no worker of the user that stays
        for variable in _SHELL_VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    """A worker process for the whole session; with pytest-xdist, one per process."""
    folder = tmp_path_factory.mktemp("worker")
    empty = folder / "empty.py"
    empty.touch()
    with WorkerClient() as workers:
        with chdir(folder):  # the first request starts the process, whose working directory must not be that of a test
            workers.analyse(CheckRequest(str(empty)))
        yield workers


@pytest.fixture
def lint(workers: WorkerClient, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """The command line in this process, with the shared worker process and without a cache."""
    return command_line(workers, monkeypatch)


def command_line(workers: WorkerClient, patch: pytest.MonkeyPatch) -> Lint:
    """Like the fixture `lint`, for fixtures with a larger scope than a test."""
    patch.setattr("resnet_lint.front.workers.worker_client.WorkerClient", lambda *_: nullcontext(workers))
    patch.setattr("resnet_lint.front.workers.answer_cache.Cache", lambda analyser, choose, **_: nullcontext(analyser))
    return _invoked


def _invoked(*args: object) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args], prog_name="resnet-lint")
    assert "Traceback (most recent call last)" not in result.stderr  # would look like a clean file
    return result
