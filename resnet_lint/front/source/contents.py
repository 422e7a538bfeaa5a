"""The files of a run, each read and parsed once."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resnet_lint.shared.source_text import plain

from .comments import Comments, comments_in, has_comments
from .outline import Outline, Unreadable, outline_of, parsed, read_python, tree_of


@dataclass(frozen=True)
class Content:
    """The classes of a file, or why it cannot be parsed, and its comments for this tool."""

    outline: Outline | Unreadable
    comments: Comments


def read_content(path: Path, data: bytes | None = None) -> Content:
    """Read and parse a file, or `data` in its place. A file that cannot be decoded has no comments."""
    source = read_python(path, data)
    if isinstance(source, Unreadable):
        return Content(source, Comments())
    return _content(path, *parsed(path, source))


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
    """The contents of files by path; `data` are bytes that were read already, or that replace those of files."""

    def __init__(self, data: Mapping[Path, bytes] | None = None) -> None:
        self._data = dict(data or {})
        self._known: dict[Path, Content] = {}

    def of(self, path: Path) -> Content:
        """The content of a file."""
        if path not in self._known:
            self._known[path] = read_content(path, self._data.pop(path, None))
        return self._known[path]

    def forget(self, path: Path) -> None:
        """Read a file again when it is next asked for, because it was written."""
        self._known.pop(path, None)
