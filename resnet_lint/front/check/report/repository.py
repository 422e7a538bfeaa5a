"""Finds the root of the git repository; services expect paths relative to it."""

from __future__ import annotations

from pathlib import Path


def repository(cwd: Path) -> Path:
    """The root of the git repository of a folder; the folder itself if there is none."""
    return next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)
