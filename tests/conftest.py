"""What many tests share: one real worker process, and the command line on top of it."""

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

settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
settings.load_profile("any machine")

# A shell's background job ignores Ctrl-C, and hands that on to all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What the shell of whoever runs the tests has chosen is no business of theirs.
_OF_THE_SHELL = ("VIRTUAL_ENV", "CONDA_PREFIX", "PRE_COMMIT")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache, nor what an earlier run left."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for variable in _OF_THE_SHELL:
            monkeypatch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    """A worker process for the whole session; with pytest-xdist, one for each of its processes."""
    folder = tmp_path_factory.mktemp("worker")
    empty = folder / "empty.py"
    empty.touch()
    with WorkerClient() as workers:
        with chdir(folder):  # the first request starts the process, whose working folder should be no test's
            workers.analyse(CheckRequest(str(empty)))
        yield workers


@pytest.fixture
def lint(workers: WorkerClient, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """The command line in this process, with the shared worker process behind it and no cache between them."""
    return command_line(workers, monkeypatch)


def command_line(workers: WorkerClient, patch: pytest.MonkeyPatch) -> Lint:
    """As the fixture `lint`, for fixtures that live longer than a test."""
    patch.setattr("resnet_lint.front.workers.worker_client.WorkerClient", lambda choose: nullcontext(workers))
    patch.setattr("resnet_lint.front.workers.answer_cache.Cache", lambda analyser, choose: nullcontext(analyser))
    return lambda *args: CliRunner().invoke(main, [str(arg) for arg in args], prog_name="resnet-lint")
