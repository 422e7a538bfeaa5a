"""Ensures that the current source of a file is used: replaces its text, and clears caches of earlier checks."""

from __future__ import annotations

import importlib
import io
import linecache
import os
import sys
import types
from importlib.machinery import SourceFileLoader

from resnet_lint.graph.source_places import Project

_GET_CODE = SourceFileLoader.get_code

_own_modules = set[str]()
"""The names of the modules that were imported before the first check, which are not the user's."""

_ANYWHERE = Project(os.sep)


def replace_source(path: str, source: str) -> None:
    """Replace the contents of a file by a text, also for modules that import it."""

    def replaced(loader: SourceFileLoader, name: str) -> types.CodeType | None:
        if os.path.realpath(loader.path) == os.path.realpath(path):
            return compile(source, path, "exec", dont_inherit=True)
        return _GET_CODE(loader, name)

    SourceFileLoader.get_code = replaced  # type: ignore[method-assign,assignment]
    # Source positions are read through linecache, which does not check the disk without a modification time.
    linecache.cache[path] = (len(source), None, list(io.StringIO(source, newline=None)), path)


def forget_files() -> None:
    """Clear what earlier checks in this process have read: the user's modules, and cached lines of files."""
    if not _own_modules:  # the first check
        _own_modules.update(sys.modules)
        return
    SourceFileLoader.get_code = _GET_CODE  # type: ignore[method-assign]
    linecache.clearcache()
    importlib.invalidate_caches()
    for name in sys.modules.keys() - _own_modules:
        is_pythons = name.partition(".")[0] in sys.stdlib_module_names
        if not is_pythons and _ANYWHERE.has(getattr(sys.modules[name], "__file__", None) or "<none>"):
            del sys.modules[name]
