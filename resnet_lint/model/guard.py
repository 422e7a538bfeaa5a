"""Keeps the user's code from doing harm by accident while it is loaded and traced.

An audit hook (PEP 578) refuses the network, other programs, and changes to files outside the private temporary folder.
It guards against accidents, such as a download in a constructor; it is no security boundary.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

_REFUSED = {
    "socket.connect": "the network",
    "socket.getaddrinfo": "the network",
    "socket.bind": "the network",
    "subprocess.Popen": "another program",
    "os.system": "another program",
    "os.exec": "another program",
    "os.posix_spawn": "another program",
    "os.spawn": "another program",
    "os.fork": "another process",
}
_CHANGES = {
    "os.remove": "delete",
    "os.rename": "rename",
    "os.rmdir": "delete",
    "os.mkdir": "create",
    "os.truncate": "change",
    "os.chmod": "change",
    "os.link": "create",
    "os.symlink": "create",
    "shutil.rmtree": "delete",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(PermissionError):
    """The user's code tried something that resnet-lint does not do for it."""


def guard() -> None:
    """Refuse, from now on and for the whole process, what a model file has no need to do. Cannot be undone."""
    free = (os.path.realpath(tempfile.gettempdir()) + os.sep, "/dev/")

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in _REFUSED:
            raise Refused(f"resnet-lint keeps the file from using {_REFUSED[event]} while it looks at it")
        if event in _CHANGES and not _is_free(args[0], free):
            raise Refused(
                f"resnet-lint keeps the file from {_CHANGES[event].rstrip('e')}ing {args[0]} while it looks at it"
            )
        if event == "open" and _writes(args) and not _is_free(args[0], free):
            raise Refused(f"resnet-lint keeps the file from writing {args[0]} while it looks at it")

    sys.addaudithook(watch)


def _writes(args: tuple[Any, ...]) -> bool:
    mode, flags = args[1], args[2]
    if mode is not None:
        return any(letter in mode for letter in "wax+")
    return bool(flags & _WRITING)


def _is_free(path: Any, free: tuple[str, ...]) -> bool:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return True  # an open file descriptor
    return os.path.realpath(os.fsdecode(path)).startswith(free)
