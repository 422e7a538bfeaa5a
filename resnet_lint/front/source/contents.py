"""The files of a run, each read and parsed once."""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resnet_lint.shared.source_text import plain
from resnet_lint.shared.wire import WireError, from_json, to_json

from ..workers.remembered import remembered
from ..workers.stamps import Stamp, sources
from .comments import Comments, comments_in, has_comments
from .outline import Outline, Unreadable, outline_of, parsed, read_python, tree_of


@dataclass(frozen=True)
class Content:
    """The classes of a file, or why it cannot be parsed, and its comments for this tool."""

    outline: Outline | Unreadable
    comments: Comments


def read_content(path: Path, data: bytes | None = None) -> Content:
    """Read and parse a file, or `data` in its place. A file that cannot be decoded has no comments."""
    return _read(path, read_python(path, data))


def remembered_content(path: Path, source: bytes, cache: Path) -> Content:
    """The content of a file with these bytes, which is not parsed if it was earlier, by the same tool and Python.

    Files with comments for this tool, which are few, and files that cannot be parsed are not remembered.
    """
    made: list[Content] = []

    def outline() -> object:
        made.append(_read(path, source))
        is_plain = made[0].comments == Comments() and isinstance(made[0].outline, Outline)
        return to_json(made[0].outline) if is_plain else None

    what = [str(path), hashlib.sha256(source).hexdigest(), sys.version, _tool()]
    known = remembered(what, lambda value: None, outline, cache)
    try:
        return made[0] if made else Content(from_json(Outline, known), Comments())
    except WireError:  # a damaged entry
        return _read(path, source)


@functools.cache
def _tool() -> list[tuple[str, Stamp]]:
    return sources(str(Path(__file__).parents[2]))


def _read(path: Path, source: bytes | Unreadable) -> Content:
    return Content(source, Comments()) if isinstance(source, Unreadable) else _content(path, *parsed(path, source))


def comments_of_text(path: Path, text: str) -> Comments:
    """The comments in a text that replaces a file, which is parsed only if there are some."""
    text = plain(text)
    return _content(path, text, tree_of(path, text)).comments if has_comments(text) else Comments()


def _content(path: Path, text: str, tree: ast.Module | Unreadable) -> Content:
    if isinstance(tree, Unreadable):
        return Content(tree, comments_in(str(path), text, None, ()))
    outline = outline_of(path, tree)
    classes = outline.classes if isinstance(outline, Outline) else ()
    return Content(outline, comments_in(str(path), text, tree, classes))


class Contents:
    """The contents of files by path: `read` are bytes that were read already, `replaced` those that replace files.

    `cache` is a folder where the contents of files are remembered for other runs; None if they are not.
    """

    def __init__(
        self,
        read: Mapping[Path, bytes] | None = None,
        replaced: Mapping[Path, bytes] | None = None,
        cache: Path | None = None,
    ) -> None:
        self._data = {**(read or {}), **(replaced or {})}
        self._replaced = frozenset(replaced or ())
        self._cache = cache
        self._known: dict[Path, Content] = {}

    def of(self, path: Path) -> Content:
        """The content of a file."""
        if path not in self._known:
            source = read_python(path, self._data.pop(path, None))
            if isinstance(source, Unreadable) or self._cache is None or path in self._replaced:
                self._known[path] = _read(path, source)
            else:
                self._known[path] = remembered_content(path, source, self._cache)
        return self._known[path]

    def forget(self, path: Path) -> None:
        """Read a file again when it is next asked for, because it was written."""
        self._known.pop(path, None)
