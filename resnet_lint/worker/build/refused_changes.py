"""Substitutes for changes to files and commands that the guard refuses: the code goes on as if they had succeeded.

A trainer makes a folder for its outputs, opens a log and asks git for the commit before it calls its model. The guard
reports what it refuses; whatever is written to a file goes to a temporary one.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from ..process.guard import Refused

_CHANGES = ("mkdir", "remove", "unlink", "rename", "replace", "rmdir", "chmod", "utime", "link", "symlink")


def substitutes() -> Iterator[tuple[Any, str, Any]]:
    """Owners, names and substitutes of functions."""
    yield from ((os, name, _or(getattr(os, name), _nothing)) for name in _CHANGES)
    yield from ((shutil, name, _or(getattr(shutil, name), _nothing)) for name in ("rmtree", "move"))
    yield from ((owner, "open", _or(owner.open, _scratch_file)) for owner in (builtins, io))
    yield os, "system", _or(os.system, _success)
    yield subprocess, "run", _or(subprocess.run, _completed)
    yield subprocess, "check_output", _or(subprocess.check_output, _output)
    yield from ((subprocess, name, _or(getattr(subprocess, name), _success)) for name in ("call", "check_call"))


def _or(original: Callable[..., Any], substitute: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or its substitute where the guard refuses it."""

    @wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except Refused:
            return substitute(*args, **kwargs)

    return called


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def _success(*args: Any, **kwargs: Any) -> int:
    return 0


def _scratch_file(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    return tempfile.TemporaryFile(mode.replace("x", "w"))


def _output(*args: Any, **kwargs: Any) -> str | bytes:
    is_text = any(kwargs.get(name) for name in ("text", "universal_newlines", "encoding", "errors"))
    return "" if is_text else b""


def _completed(command: Any, *args: Any, **kwargs: Any) -> subprocess.CompletedProcess[Any]:
    return subprocess.CompletedProcess(command, 0, _output(**kwargs), _output(**kwargs))
