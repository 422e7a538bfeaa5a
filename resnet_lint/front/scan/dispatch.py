"""Sends groups to an executor until every file has exactly one result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.wire import to_json

from .group import Group
from .task import check_group

_MOST_ATTEMPTS = 3

Done = tuple[Group, Any]
"""A group with the JSON data of its results, or the reason (a text) why no worker survives its only file."""


def dispatched(
    groups: Sequence[Group],
    executor: Executor,
    is_alive: Callable[[], bool] = lambda: True,
    work: Callable[[Any], Any] = check_group,
) -> Iterator[Done]:
    """The results of groups, as they come. If a worker dies, its files are sent again, one by one, and at most thrice.

    The last time, a file is sent when all others are done, so that it cannot be blamed for what another file does.
    Raises UsageError if the engine itself is lost, or a worker has another version of resnet-lint.
    """
    ended: SimpleQueue[tuple[Group, Future[Any]]] = SimpleQueue()
    suspects: list[Group] = []
    open_groups = 0

    def send(group: Group) -> None:
        nonlocal open_groups
        try:
            future = executor.submit(work, to_json(group))
        except Exception as error:  # a broken pool, or a closed client
            raise UsageError(f"the executor takes no work: {error or type(error).__name__}; see --resume") from error
        open_groups += 1
        future.add_done_callback(lambda future: ended.put((group, future)))

    for group in groups:
        send(group)
    while open_groups or suspects:
        if not open_groups:
            send(suspects.pop())
        group, future = ended.get()
        open_groups -= 1
        error = _error(future)
        if error is None:
            yield group, future.result()
        elif isinstance(error, UsageError):
            raise error
        elif not is_alive():
            raise UsageError("the connection to the scheduler is lost; go on with --resume")
        elif len(group.files) == 1 and group.attempt == _MOST_ATTEMPTS:
            yield group, f"it kills the process that checks it ({type(error).__name__})"
        else:
            for part in _smaller(group):
                if part.attempt == _MOST_ATTEMPTS:
                    suspects.append(part)
                else:
                    send(part)


def _error(future: Future[Any]) -> BaseException | None:
    """The exception of a future; a cancelled one has lost its worker."""
    try:
        return future.exception()
    except BaseException as error:  # CancelledError
        return error


def _smaller(group: Group) -> Iterator[Group]:
    """The files of a group, each alone."""
    attempt = group.attempt + (len(group.files) == 1)
    for file in group.files:
        yield replace(group, files=(file,), attempt=attempt)
