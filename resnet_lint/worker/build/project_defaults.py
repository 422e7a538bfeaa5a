"""Finds the default configuration of a project: `_C = CfgNode()` in config/defaults.py, filled by later lines."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from ..callers.find_callers import beginning_of, project_files
from ..load.load import Loaded

_FILE = re.compile(r"(default|config|cfg|setting)\w*\.py$", re.IGNORECASE)
_OBJECT = re.compile(
    r"^(\w+)(?:\s*:[^=\n]*)?\s*=\s*(?:\w+\.)*(?:CN|\w*CfgNode|\w*Config\w*|e?[Dd]ict|\w+Dict|OmegaConf\.create|Namespace)\(",
    re.MULTILINE,
)


def default_settings(names: Sequence[str], loaded: Loaded) -> str | None:
    """The configuration object of the project that has all of these settings, as source; None if there is none."""
    for path in project_files(Path(loaded.path).parent, Path(loaded.project.root)):
        if _FILE.search(path.name) and str(path) != loaded.path:
            for name in _objects(path, names):
                module = _module(path)
                if module is not None and all(_has(getattr(module, name, None), setting) for setting in names):
                    return f"import_module({module.__name__!r}).{name}"
    return None


def _objects(path: Path, settings: Sequence[str]) -> Iterator[str]:
    """The names of the configuration objects in a file that mentions all settings."""
    text = beginning_of(path)
    if all(re.search(rf"\b{re.escape(setting)}\b", text) for setting in settings):
        yield from dict.fromkeys(match[1] for match in _OBJECT.finditer(text))


def _module(path: Path) -> ModuleType | None:
    """The module of a file, imported under the name that the project uses; None if that fails."""
    folders = sorted((Path(folder) for folder in sys.path if folder and path.is_relative_to(folder)), key=_depth)
    for folder in folders:
        parts = path.relative_to(folder).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            with suppress(Exception, SystemExit):
                module = importlib.import_module(".".join(parts))
                if getattr(module, "__file__", None) == str(path):
                    return module
    return None


def _depth(folder: Path) -> int:
    return len(folder.parts)


def _has(configuration: Any, setting: str) -> bool:
    with suppress(Exception):
        return hasattr(configuration, setting) or setting in configuration
    return False
