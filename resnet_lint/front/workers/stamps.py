"""Stamps of files and folders, which change when they do. Every command imports this file, so it imports little."""

from __future__ import annotations

import os

Stamp = tuple[int, int, int] | None
"""The modification time, size and inode of a file; None if there is none."""

# What decides which packages a folder of the search path has, and what it adds to the path.
_OF_PACKAGES = (".dist-info", ".egg-info", ".egg-link", ".pth", "sitecustomize.py", "usercustomize.py")


def stamp(path: str) -> Stamp:
    """The stamp of a file or folder."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def sources(folder: str) -> list[tuple[str, Stamp]]:
    """The Python files in a folder and its subfolders, with their stamps; none if there is no such folder."""
    found = list[tuple[str, Stamp]]()
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if os.path.isdir(folder) else ():
        if entry.is_dir() and entry.name != "__pycache__":
            found += sources(entry.path)
        elif entry.name.endswith(".py"):
            found.append((entry.path, stamp(entry.path)))
    return found


def packages(folder: str) -> list[tuple[str, Stamp]]:
    """A folder of the search path, and what installers have written about the packages in it, with their stamps."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [os.path.join(folder, name) for name in names if name.endswith(_OF_PACKAGES)]
    return [(path, stamp(path)) for path in (folder, *paths)]
