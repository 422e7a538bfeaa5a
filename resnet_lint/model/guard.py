"""Keeps the user's code from doing harm by accident while it is loaded and traced.

An audit hook (PEP 578) refuses the network, other programs, and changes to files outside the private temporary folder.
It guards against accidents, such as a download in a constructor; it is no security boundary.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import torch

_REFUSED = {
    "socket.connect": "the network",
    "socket.getaddrinfo": "the network",
    "socket.bind": "the network",
    "socket.sendto": "the network",
    "socket.sendmsg": "the network",
    "subprocess.Popen": "another program",
    "os.system": "another program",
    "os.exec": "another program",
    "os.posix_spawn": "another program",
    "os.spawn": "another program",
    "os.fork": "another process",
}
# Which arguments of an event are the paths that it changes.
_CHANGES: dict[str, tuple[int, ...]] = {
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
    "shutil.rmtree": (0,),
    "shutil.move": (0, 1),
    "sqlite3.connect": (0,),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(PermissionError):
    """The user's code tried something that resnet-lint does not do for it."""


def guard() -> None:
    """Refuse, from now on and for the whole process, what a model file has no need to do. Cannot be undone."""
    free = (os.path.realpath(tempfile.gettempdir()), "/dev")

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in _REFUSED:
            raise Refused(f"resnet-lint keeps the file from using {_REFUSED[event]} while it looks at it")
        for index in _CHANGES.get(event, ()):
            _refuse_change(args[index], free)
        if event == "open" and _writes(args):
            _refuse_change(args[0], free)

    def save(obj: object, f: Any, *args: Any, **kwargs: Any) -> None:
        _refuse_change(f, free)
        _save_of_torch(obj, f, *args, **kwargs)

    sys.addaudithook(watch)
    torch.save = torch.serialization.save = save  # it opens its file in C++, where no audit hook looks


_save_of_torch = torch.save


def _refuse_change(path: Any, free: tuple[str, ...]) -> None:
    if not _is_free(path, free):
        raise Refused(f"resnet-lint keeps the file from changing {path} while it looks at it")


def _writes(args: tuple[Any, ...]) -> bool:
    mode, flags = args[1], args[2]
    if mode is not None:
        return any(letter in mode for letter in "wax+")
    return bool(flags & _WRITING)


def _is_free(path: Any, free: tuple[str, ...]) -> bool:
    if not isinstance(path, (str, bytes, os.PathLike)) or path in (":memory:", ""):
        return True  # an open file or its descriptor, or no file at all
    place = os.path.realpath(os.fsdecode(path))
    return any(place == folder or place.startswith(folder + os.sep) for folder in free)
