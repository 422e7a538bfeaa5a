"""A sandbox against accidental side effects of the user's code while it is loaded and traced.

An audit hook (PEP 578) blocks network access, subprocesses, standard input, signals to other processes, and changes to
files outside the temporary folder. It prevents accidents, such as a download in a constructor, but is not a security
boundary: operations of C libraries that bypass Python's audit events are not detected.
"""

from __future__ import annotations

import _posixsubprocess
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import torch

from resnet_lint.graph.source_places import Point, Project, point
from resnet_lint.shared.evidence import Problem
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.requests import ALLOWABLE

Arguments = tuple[Any, ...]
Check = Callable[[Arguments], str | None]
"""Checks the arguments of an event; returns a description of what has to be blocked, or None."""

NETWORK, SUBPROCESS = ALLOWABLE

_EVENTS = {
    NETWORK: (
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.getnameinfo",
        "socket.sendmsg",
        "socket.sendto",
    ),
    SUBPROCESS: (
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    ),
}
_HELP = "`allow` in [tool.resnet-lint] lets such things pass, and --no-guard all"
_WORDS = {NETWORK: "using the network", SUBPROCESS: "starting another process"}


@dataclass(frozen=True)
class _PathChange:
    """The index of an argument that is a path to change; `folder` is the index of the dir_fd that it is relative to.

    `entry`: the operation changes the directory entry itself and does not follow a link.
    """

    path: int
    folder: int | None = None
    entry: bool = False


_CHANGES: Mapping[str, tuple[_PathChange, ...]] = {
    "os.chmod": (_PathChange(0, 2),),
    "os.chown": (_PathChange(0, 3),),
    "os.link": (_PathChange(1, 3, entry=True),),
    "os.mkdir": (_PathChange(0, 2, entry=True),),
    "os.remove": (_PathChange(0, 1, entry=True),),
    "os.removexattr": (_PathChange(0),),
    "os.rename": (_PathChange(0, 2, entry=True), _PathChange(1, 3, entry=True)),
    "os.rmdir": (_PathChange(0, 1, entry=True),),
    "os.setxattr": (_PathChange(0),),
    "os.symlink": (_PathChange(1, 2, entry=True),),
    "os.truncate": (_PathChange(0),),
    "os.utime": (_PathChange(0, 3),),
    "shutil.move": (_PathChange(0, entry=True), _PathChange(1, entry=True)),
    "shutil.rmtree": (_PathChange(0, entry=True),),
    "sqlite3.connect": (_PathChange(0),),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OUTPUTS = (os.devnull, "/dev/stdout", "/dev/stderr")

# A loop may be blocked endlessly; each operation is reported once.
_MOST_REFUSALS = 100

_save_of_torch = torch.save


class Refused(PermissionError):
    """The user's code tried an operation that is blocked during a check."""


@dataclass(frozen=True)
class Refusal:
    """A blocked operation, and the call stack that led to it, innermost first."""

    what: str
    calls: tuple[Point, ...]

    def problem(self, path: str, project: Project | None) -> Problem:
        """The problem to report, at the innermost line of the project, or else of the file."""
        spans = (call.span for call in self.calls if _is_own(call, path, project))
        start = Position(1, 1)
        return Problem("refused", next(spans, Span(path, start, start)), self.what, help=_HELP)


def _is_own(call: Point, path: str, project: Project | None) -> bool:
    return project.owns(call.code) if project is not None else call.code.co_filename == path


class Guard:
    """Blocks side effects in the whole process, except for those that are allowed.

    `allow` contains "network", "subprocess" and the paths of folders and files that may be changed, in addition to the
    temporary folder. `refusals` are the blocked operations so far.
    """

    def __init__(self, allow: tuple[str, ...] = ()) -> None:
        self._writable = [os.path.realpath(path) for path in (tempfile.gettempdir(), *allow)]
        self._checks = dict(self._event_checks(allow))
        self._refusals: dict[Refusal, None] = {}
        self._may_spawn = SUBPROCESS in allow

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(self._refusals)

    def install(self) -> None:
        """Install the audit hook. This cannot be undone."""
        sys.addaudithook(self._watch)
        # These are implemented in C and raise no audit event.
        torch.save = torch.serialization.save = self._save
        if not self._may_spawn:
            _posixsubprocess.fork_exec = self._spawn

    def _event_checks(self, allow: tuple[str, ...]) -> Iterator[tuple[str, Check]]:
        for group, events in _EVENTS.items():
            if group not in allow:
                yield from ((event, partial(_always, _WORDS[group])) for event in events)
        for event, paths in _CHANGES.items():
            yield event, partial(self._change, paths)
        yield "open", self._open
        yield "os.kill", _kill
        yield "os.killpg", _kill
        yield "builtins.input", partial(_always, "asking for input")

    def _watch(self, event: str, arguments: Arguments) -> None:
        check = self._checks.get(event)
        what = check(arguments) if check is not None else None
        if what is not None:
            self._refuse(what)

    def _refuse(self, what: str) -> NoReturn:
        if len(self._refusals) < _MOST_REFUSALS:
            self._refusals[Refusal(what, tuple(_calls()))] = None
        raise Refused(f"resnet-lint blocks {what} during the check")

    def _save(self, obj: object, f: Any, *args: Any, **kwargs: Any) -> None:
        what = self._changed(f)
        if what is not None:
            self._refuse(what)
        _save_of_torch(obj, f, *args, **kwargs)

    def _spawn(self, *args: Any) -> NoReturn:
        self._refuse(_WORDS[SUBPROCESS])

    def _open(self, arguments: Arguments) -> str | None:
        path, mode, flags = arguments
        writes = bool(flags & _WRITING) if mode is None else any(letter in mode for letter in "wax+")
        return self._changed(path) if writes else None

    def _change(self, changes: tuple[_PathChange, ...], arguments: Arguments) -> str | None:
        for change in changes:
            folder = -1 if change.folder is None else arguments[change.folder]
            what = self._changed(arguments[change.path], folder, entry=change.entry)
            if what is not None:
                return what
        return None

    def _changed(self, path: Any, folder: int = -1, *, entry: bool = False) -> str | None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return None  # an open file or a file descriptor
        name = os.fsdecode(path)
        if name in (":memory:", "", *_OUTPUTS):
            return None
        from_folder = name if folder < 0 else f"/proc/self/fd/{folder}/{name}"
        parent, base = os.path.split(from_folder.rstrip(os.sep))
        place = os.path.join(os.path.realpath(parent), base) if entry else os.path.realpath(from_folder)
        is_allowed = any(place == free or place.startswith(free + os.sep) for free in self._writable)
        return None if is_allowed else f"writing {name}"


def _always(what: str, arguments: Arguments) -> str:
    return what


def _kill(arguments: Arguments) -> str | None:
    return None if arguments[0] == os.getpid() else "sending a signal to another process"


def _calls() -> Iterator[Point]:
    """The current call stack, innermost first."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield point(frame)
        frame = frame.f_back
