"""Notes which files an analysis read, and as what: as long as they stay so, its answer holds."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resnet_lint.rule_loader import built_in_folder
from resnet_lint.shared.source_text import digest

from .package import package_folder, project_root

# What is installed is known by its version, and is no more read file by file than Python itself.
_INSTALLED = ("site-packages", "dist-packages")
_TOOL = (str(Path(__file__).parents[2]), str(built_in_folder()))
# Written by the system, and another at every look.
_PSEUDO = ("/dev", "/proc", "/sys")


class Reads:
    """Notes, from `begin` on and for the whole process, each file that Python opens: the user's modules and data.

    `digests` are those of the files' contents when they were first opened, None for a file that was looked for and did
    not exist. A folder that was searched is noted too. Installed packages are left out, unless it is one of them that
    is checked.
    """

    def __init__(self, path: str) -> None:
        self.digests: dict[str, str | None] = {}
        file = Path(path)
        self._root = str(project_root(file, package_folder(file))) + os.sep
        others = (*_PSEUDO, tempfile.gettempdir(), sysconfig.get_path("stdlib"), *_TOOL)
        self._others = tuple(os.path.join(folder, "") for folder in others)

    def begin(self) -> None:
        sys.addaudithook(self._watch)
        sys.meta_path.append(_NotFound(self))

    def note(self, path: str) -> None:
        """Note a file that is about to be read."""
        path = os.path.abspath(path)
        if path.endswith(".pyc"):
            path = _source(path)
        if path in self.digests or not self._counts(path):
            return
        self.digests[path] = None  # first: to read it here is an event too
        self.digests[path] = digest(path)

    def _counts(self, path: str) -> bool:
        if path.startswith(self._others):
            return False
        return not any(part in _INSTALLED for part in path.removeprefix(self._root).split(os.sep))

    def _watch(self, event: str, args: tuple[Any, ...]) -> None:
        if event in ("open", "os.scandir") and isinstance(args[0], (str, bytes, os.PathLike)):
            self.note(os.fsdecode(args[0]))


class _NotFound(importlib.abc.MetaPathFinder):
    """The last to be asked for a module, so what it is asked for does not exist; where it would lie is noted."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        stem = name.rpartition(".")[2]
        for folder in filter(os.path.isdir, sys.path if path is None else path):
            for file in (f"{stem}.py", os.path.join(stem, "__init__.py")):
                self._reads.note(os.path.join(folder, file))
        return None


def _source(path: str) -> str:
    try:
        return importlib.util.source_from_cache(path)
    except ValueError:  # not the bytecode of a source file
        return path
