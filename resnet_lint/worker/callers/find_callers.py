"""Finds the files of a project that use the classes of a file, by a text search with limits on files and bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_lint.shared.notebook import SUFFIX as NOTEBOOK

from ..load.load import Loaded

PAGE = ".md"
_MOST_FILES = 500
_MOST_ENTRIES = 20_000  # of folders, which may hold a data set
_MOST_BYTES = 8 * 2**20
_MOST_OF_A_FILE = 2**18
_MOST_CALLERS = 6
_LEFT_OUT = re.compile(r"^(\.|_?_?pycache_?_?$|site-packages$|dist-packages$|node_modules$|v?env$|build$|dist$)")
_LIKELY = re.compile(r"^(main|train|run|test|demo|example|predict|infer|eval|readme)", re.IGNORECASE)


def find_callers(names: Sequence[str], loaded: Loaded) -> list[Path]:
    """The files that import and call one of these classes, nearest first; within a folder, scripts and tests first."""
    called = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b\s*[(.,]")
    imported = _imports_of(Path(loaded.path), Path(loaded.project.root))
    here = Path(loaded.path).parent

    def distance(path: Path) -> tuple[int, bool, str]:
        return -len(Path(os.path.commonpath([here, path])).parts), _LIKELY.match(path.name) is None, str(path)

    others = (path for path in project_files(here, Path(loaded.project.root)) if str(path) != loaded.path)
    return sorted((path for path in others if _has(path, (imported, called))), key=distance)[:_MOST_CALLERS]


def _imports_of(file: Path, root: Path) -> re.Pattern[str]:
    """A pattern for imports of a file: of its module, or of a package around it, which may re-export its names."""
    folders = file.relative_to(root).parts[:-1] if file.is_relative_to(root) else ()
    modules = "|".join(map(re.escape, (file.stem, *folders)))
    return re.compile(rf"from\s+[\w.]*?\b({modules})\s+import|import\s+[^\n]*\b({modules})\b|from\s+\.+\s+import")


def project_files(here: Path, root: Path) -> Iterator[Path]:
    """The Python files, notebooks and pages of a project until there are too many, those near a folder first."""
    count = size = entries = 0
    done: set[str] = set()
    for base in (folder for folder in (here, *here.parents) if folder.is_relative_to(root)):
        for folder, folders, names in os.walk(base):
            folders[:] = sorted(
                n for n in folders if _LEFT_OUT.match(n) is None and os.path.join(folder, n) not in done
            )
            entries += len(folders) + len(names)
            if entries > _MOST_ENTRIES:
                return
            for name in sorted(names):
                if name.endswith((".py", NOTEBOOK, PAGE)):
                    path = Path(folder, name)
                    count, size = count + 1, size + min(_size_of(path), _MOST_OF_A_FILE)
                    if count > _MOST_FILES or size > _MOST_BYTES:
                        return
                    yield path
        done.add(str(base))


def _size_of(path: Path) -> int:
    """The size of a file in bytes; 0 for a link that leads nowhere."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _has(path: Path, patterns: Sequence[re.Pattern[str]]) -> bool:
    """Whether the text of a file matches all patterns."""
    text = beginning_of(path)
    return all(pattern.search(text) for pattern in patterns)


def beginning_of(path: Path) -> str:
    """The text of a file up to a limit; empty if it cannot be read."""
    try:
        with path.open(errors="replace") as file:
            return file.read(_MOST_OF_A_FILE)
    except OSError:
        return ""
