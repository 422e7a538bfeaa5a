"""The main loop of the worker: forks a child per request, and writes results as they arrive.

It is single-threaded, because a process with threads cannot fork safely. It waits for requests, for the pipes of the
children, and for SIGCHLD. The front decides how many children run in parallel, by the number of requests that it sends.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from resnet_lint.shared.records.answers import Answer, ToolFault
from resnet_lint.shared.records.requests import Request
from resnet_lint.shared.wire import from_json, to_json

from .child import Child, fork
from .orphans import adopt_orphans, kill_orphans

_CHUNK = 1 << 16


class Server:
    """Serves requests: lines of JSON with an `id` and the `request`; answers have the same `id`, and the `answer`.

    In a child, `answer` is called with the request and with a private folder inside `folder`. `prepare` is called once,
    when `another_follows` an answer, or before the second child is forked: it does what pays off only for several
    requests.
    """

    def __init__(
        self,
        requests: int,
        answers: int,
        folder: Path,
        answer: Callable[[Request, Path], Answer],
        prepare: Callable[[], None],
        another_follows: Callable[[Any], bool],
    ) -> None:
        self._requests = requests
        self._answers = answers
        self._folder = folder
        self._answer = answer
        self._prepare = prepare
        self._another_follows = another_follows
        self._is_used = self._is_prepared = False
        self._received = b""
        self._children: dict[int, Child] = {}
        self._tries: dict[int, Request] = {}  # the requests that were tried once
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wakeup_in = os.pipe()
        for end in (self._wakeup, self._wakeup_in):
            os.set_blocking(end, False)
        self._open = True

    def serve(self) -> None:
        """Serve until the requests end, then kill all remaining children."""
        adopt_orphans()
        signal.set_wakeup_fd(self._wakeup_in)
        signal.signal(signal.SIGCHLD, _do_nothing)  # without a handler, the signal does not write to the wakeup fd
        self._selector.register(self._requests, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        try:
            while self._open:
                for key, _ in self._selector.select(self._seconds_left()):
                    self._read(key.fd, key.data)
                self._finish()
        finally:
            for child in self._children.values():
                child.end()
            kill_orphans(known=())

    def _seconds_left(self) -> float | None:
        return min((child.seconds_left() for child in self._children.values()), default=None)

    def _read(self, descriptor: int, child: Child | None) -> None:
        if child is not None:
            if not child.read(descriptor):
                self._selector.unregister(descriptor)
        elif descriptor == self._wakeup:
            os.read(self._wakeup, _CHUNK)
        else:
            self._read_requests()

    def _read_requests(self) -> None:
        chunk = os.read(self._requests, _CHUNK)
        self._open = bool(chunk)
        *lines, self._received = (self._received + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self._start(message["id"], from_json(Request, message["request"]))

    def _start(self, id: int, request: Request, *, again: bool = False) -> None:
        """Process a request in a child. One that is killed is tried again: the machine may be out of memory."""
        if not again:
            self._tries[id] = request
        others = [pipe for child in self._children.values() for pipe in child.pipes]
        if self._is_used:
            self._prepare_once()
        self._is_used = True
        private = [self._requests, self._answers, self._wakeup, self._wakeup_in, *others]
        try:
            child = fork(request.seconds, lambda: self._in_child(id, request), private)
        except OSError as error:
            fault = ToolFault(f"no process for another file: {error.strerror}")
            self.send({"id": id, "answer": to_json(fault, Answer)})
            return
        self._children[id] = child
        for pipe in child.pipes:
            self._selector.register(pipe, selectors.EVENT_READ, child)

    def _in_child(self, id: int, request: Request) -> Answer:
        self._selector.close()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder = self._folder_of(id)
        folder.mkdir()
        return self._answer(request, folder)

    def _folder_of(self, id: int) -> Path:
        return self._folder / str(id)

    def _finish(self) -> None:
        """Send the results of all children that are over."""
        for id, child in list(self._children.items()):
            if child.is_over():
                del self._children[id]
                for pipe in child.pipes:
                    if pipe in self._selector.get_map():
                        self._selector.unregister(pipe)
                answer = child.end()
                kill_orphans(known=[child.pid for child in self._children.values()])
                shutil.rmtree(self._folder_of(id), ignore_errors=True)
                request = self._tries.pop(id, None)
                if child.was_killed and request is not None:
                    self._start(id, request, again=True)
                    continue
                self.send({"id": id, "answer": answer})
                if not self._children and self._another_follows(answer):
                    self._prepare_once()

    def _prepare_once(self) -> None:
        if not self._is_prepared:
            self._is_prepared = True
            self._prepare()

    def send(self, message: Any) -> None:
        """Send a message to the front as one line of JSON."""
        left = memoryview(json.dumps(message).encode() + b"\n")
        while left:
            left = left[os.write(self._answers, left) :]


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass
