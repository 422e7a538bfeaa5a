"""The names of shared results: hashes of all that a result depends on, without the folders of a machine.

The results themselves have names in place of these folders too.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_lint.rule_loader import built_in_folder
from resnet_lint.shared.portable import with_folders, without_folders
from resnet_lint.shared.records.requests import Interpreter

from .shared_cache import SharedCache

_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class SharedEntry:
    """The place of one result in a shared cache, or nowhere. `places` are folders of this machine by name."""

    cache: SharedCache | None
    name: str
    places: Mapping[str, str]

    def get(self) -> Any:
        """The JSON data of the result with paths of this machine; None if there is none."""
        data = None if self.cache is None else self.cache.get(self.name)
        return None if data is None else with_folders(data, self.places)

    def put(self, data: Any) -> None:
        """Store the JSON data of a result."""
        if self.cache is not None:
            self.cache.put(self.name, without_folders(data, self.places))


def folders(cwd: Path, interpreter: Interpreter) -> dict[str, str]:
    """The folders that differ between machines, by name."""
    environment = Path(interpreter.executable).parent.parent
    return {
        "cwd": str(cwd),
        "rules": str(built_in_folder()),
        "package": str(_PACKAGE),
        **({} if environment == Path("/usr") else {"environment": str(environment)}),
    }


def machine(interpreter: Interpreter, tool: Iterable[tuple[str, str | None]]) -> Any:
    """What the results of a machine depend on: the tool, Python, torch and all packages. `tool` are its files."""
    places = {"package": str(_PACKAGE), "rules": str(built_in_folder())}
    versions = [interpreter.python, interpreter.torch, sys.platform, platform.machine()]
    return [versions, without_folders([list(entry) for entry in tool], places), sorted(_packages(interpreter))]


def name_of(parts: Any, places: Mapping[str, str]) -> str:
    """The name of a result: 64 hexadecimal digits."""
    plain = json.loads(json.dumps(parts))  # tuples are lists
    return hashlib.sha256(json.dumps(without_folders(plain, places)).encode()).hexdigest()


def _packages(interpreter: Interpreter) -> Iterator[tuple[str, str]]:
    """The packages of an environment, with a digest of their modules; scripts and caches differ between machines."""
    for folder in interpreter.search_path:
        for distribution in Path(folder).glob("*.*-info"):
            yield distribution.name, _modules(distribution / "RECORD")


def _modules(record: Path) -> str:
    try:
        lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    modules = sorted(line for line in lines if line.partition(",")[0].endswith((".py", ".so")) and line[:2] != "..")
    return hashlib.sha256("\n".join(modules).encode()).hexdigest()
