"""Loads a file that uses the classes of the checked file, sharing its module."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from resnet_lint.shared.notebook import is_notebook, read_notebook

from ..load.load import ImportFailure, Loaded, load
from ..load.package import import_folders, package_folder
from .find_callers import PAGE

_BLOCK = re.compile(r"^```\s*(?:python|py)\s*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MOST_BLOCKS = 200


class UnusableCallerError(Exception):
    """A file that uses a class cannot be executed; the message is the reason."""


def load_callers(path: Path, loaded: Loaded, names: frozenset[str]) -> Iterator[Loaded]:
    """Load a script, or the code blocks of a Markdown file that mention a class. Raises UnusableCallerError."""
    _share_module(path, loaded)
    if path.suffix != PAGE:
        yield _loaded(path, read_notebook(path.read_bytes()).text if is_notebook(path) else None)
        return
    text = path.read_text(errors="replace")
    for block in list(_BLOCK.finditer(text))[:_MOST_BLOCKS]:
        if names & set(re.findall(r"\w+", block[1])):
            before = text.count("\n", 0, block.start(1))
            found = _loaded(path, "\n" * before + block[1])
            sys.modules.pop(found.module.__name__, None)  # the next block is a separate script
            yield found


def _loaded(path: Path, source: str | None) -> Loaded:
    try:
        found = load(str(path), source)
    except (SyntaxError, ValueError, OSError) as error:
        raise UnusableCallerError(f"{type(error).__name__}: {error}") from error
    if isinstance(found, ImportFailure):
        raise UnusableCallerError(f"line {found.span.start.line}: {found.reason}")
    return found


def _share_module(path: Path, loaded: Loaded) -> None:
    """Make all module names by which the caller may import the checked file refer to the same module."""
    root, file = Path(loaded.project.root), Path(loaded.path)
    for folder in import_folders(path, package_folder(path), root):
        if file.is_relative_to(folder):
            name = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            sys.modules.setdefault(name, loaded.module)
