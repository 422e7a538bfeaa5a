"""Remembers what is slow to find out about files, as long as their stamps do not change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from resnet_lint.shared.write_file import write_entry

Json = Any


def cache_folder() -> Path:
    """Where this user's results are kept."""
    return platformdirs.user_cache_path("resnet-lint")


def remembered(what: Json, stamps: Callable[[Json], Json], find_out: Callable[[], Json], folder: Path) -> Json:
    """The value that `find_out` has returned for `what` earlier, if `stamps` of it are the same; else a new one.

    `folder` is that of the cache. An unwritable folder or a damaged file is not an error. None is not remembered.
    """
    path = folder / "known" / hashlib.sha256(json.dumps(what).encode()).hexdigest()
    with suppress(OSError, ValueError, LookupError, TypeError):
        known = json.loads(path.read_bytes())
        if known["stamps"] == json.loads(json.dumps(stamps(known["value"]))):
            return known["value"]
    value = find_out()
    if value is not None:
        write_if_possible(path, json.dumps({"value": value, "stamps": stamps(value)}).encode())
    return value


def write_if_possible(path: Path, data: bytes) -> None:
    """Write an entry of the cache. Does nothing if that is not possible."""
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_entry(path, data)
