"""Runs a scan on dask.distributed: on a cluster that exists, or on this machine."""

from __future__ import annotations

import importlib.metadata
import logging
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

import dask.config
from distributed import Client, LocalCluster

from resnet_lint import __version__
from resnet_lint.shared.errors import UsageError

from .scan import Engine

_CONNECT_SECONDS = 15
_RETRIES = 2
_DEATHS_PER_ATTEMPT = 1

_LOGGERS = ("distributed", *(f"distributed.{part}" for part in ("client", "nanny", "scheduler", "worker")), "tornado")

_VERSIONS: tuple[tuple[str, Callable[[], str], tuple[Any, ...]], ...] = (
    ("resnet-lint", lambda: __version__, (importlib.metadata.version, "resnet-lint")),
    ("distributed", lambda: importlib.metadata.version("distributed"), (importlib.metadata.version, "distributed")),
    ("Python", platform.python_version, (platform.python_version,)),
)
"""What the client and all workers need in the same version: pickled calls and records cross between them."""


@contextmanager
def local_engine(workers: int) -> Iterator[tuple[Engine, str]]:
    """A cluster of this machine, with one process per worker, and the address of its dashboard."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what happens to workers is in the results
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS_PER_ATTEMPT}),
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        cluster.adapt(minimum=workers, maximum=workers)  # replaces a worker that Dask has given up
        yield _engine(client, workers), client.dashboard_link


@contextmanager
def cluster_engine(address: str) -> Iterator[tuple[Engine, str]]:
    """The cluster with its scheduler at an address, and its dashboard. Raises UsageError."""
    try:
        client = Client(address, timeout=_CONNECT_SECONDS)
    except (TimeoutError, OSError, ValueError) as error:
        raise UsageError(f"no scheduler answers at {address}: {' '.join(str(error).split())}") from error
    with client:
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            raise UsageError(f"the scheduler at {address} has no workers")
        _require_same_versions(client)
        yield _engine(client, workers), client.dashboard_link


def _engine(client: Client, workers: int) -> Engine:
    return Engine(_Executor(client), workers, lambda: client.status == "running")


class _Executor(Executor):
    """Submits calls to Dask. In `Client.get_executor`, a call whose result is lost with its worker never ends."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        submitted = self._client.submit(fn, *args, **kwargs, pure=False, retries=_RETRIES)
        submitted.add_done_callback(lambda done: _settle(future, done))
        return future


def _settle(future: Future[Any], done: Any) -> None:
    try:
        future.set_result(done.result())
    except BaseException as error:  # KilledWorker, CancelledError
        future.set_exception(error)


def _require_same_versions(client: Client) -> None:
    """Raise UsageError, with both versions, if a worker has another one. Workers need not be able to import us."""
    for name, ours, (call, *arguments) in _VERSIONS:
        for worker, theirs in client.run(call, *arguments, on_error="return").items():
            if isinstance(theirs, Exception):
                raise UsageError(f"the worker {worker} has no {name}; this client has {name} {ours()}")
            if theirs != ours():
                raise UsageError(f"the worker {worker} has {name} {theirs}, and this client has {name} {ours()}")
