"""Writes files atomically."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file atomically: it is never partially written, and a full disk or a kill leaves the old file.

    Symbolic links are followed, pipes and devices are written directly, and an existing file keeps its permissions and,
    if allowed, its owner. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    old = target.stat() if target.exists() else None
    with _replacing(target) as (file, temporary):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        os.chmod(temporary, old.st_mode if old is not None else 0o666 & ~_umask())
        if old is not None and hasattr(os, "chown"):
            with contextlib.suppress(PermissionError):
                os.chown(temporary, old.st_uid, old.st_gid)


def write_entry(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write an entry of a cache atomically, without waiting for the disk: a system that crashes may lose it.

    Raises OSError.
    """
    with _replacing(path) as (file, temporary):
        file.write(data)
        os.chmod(temporary, mode)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A new file beside a path, and its name. It replaces the path at the end; after an exception, it is removed."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "wb") as file:
            yield file, temporary
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
