"""What a client sends first to a process that forks for it. Imports little, as every command line pays for it."""

from __future__ import annotations

import json
import os

from .user_environment import user_environment


def greeting(key: str) -> bytes:
    """The circumstances of this process, as a line of JSON. `key` must be that of the server."""
    umask = os.umask(0o077)
    os.umask(umask)
    circumstances = {"key": key, "cwd": os.getcwd(), "environment": user_environment(), "umask": umask}
    return json.dumps(circumstances).encode() + b"\n"


def lock_of(path: str) -> str:
    """The lock file of the server at a socket."""
    return f"{path}.lock"
