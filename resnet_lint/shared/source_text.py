"""Paths in reports, and the text of Python files."""

from __future__ import annotations

import hashlib
import io
import os
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .interactive import cell_name, is_cell, lines_of_cell
from .notebook import SUFFIX as NOTEBOOK
from .notebook import is_notebook, notebook_at

_SOURCES = (".py", NOTEBOOK, ".md", ".yaml", ".yml")


def shown(path: str | Path, cwd: Path) -> str:
    """A path for reports: relative to `cwd`, with forward slashes, always valid UTF-8.

    A cell of the running IPython has a name, such as `In[3]`, in place of a path.
    """
    if is_cell(os.fspath(path)):
        return cell_name(os.fspath(path))
    try:
        name = os.path.relpath(path, cwd)
    except ValueError:  # another drive, on Windows
        name = os.fspath(path)
    return os.fsencode(name).decode("utf-8", "replace").replace(os.sep, "/")


def decode(source: bytes) -> str:
    """Decode Python source by its byte order mark or encoding declaration (PEP 263); normalizes line endings.

    Raises UnicodeDecodeError for invalid bytes, SyntaxError or LookupError for an unknown encoding.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:
        source.decode("utf-8")  # invalid bytes in the first two lines: this error has their position
        raise
    return plain(source.decode(encoding))


def plain(text: str) -> str:
    """Normalize all line ends to newlines."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True)
class SourceText:
    """The unchanged content of a Python file: bytes, text with original line ends, and encoding."""

    path: Path
    data: bytes
    text: str
    encoding: str

    def encoded(self, text: str) -> bytes:
        """Encode a text in the file's encoding, with its byte order mark if it has one."""
        return text.encode(self.encoding)


def read_exactly(path: Path) -> SourceText:
    """Read a file without changes. Raises OSError and the errors of `decode`."""
    return exactly(path, path.read_bytes())


def exactly(path: Path, data: bytes) -> SourceText:
    """What a file holds, or will hold, as text with nothing changed. Raises what `decode` raises."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return SourceText(path, data, data.decode(encoding), encoding)


def split_lines(text: str) -> list[str]:
    """Split a text into lines with their ends, as Python does; `str.splitlines` also splits at form feeds."""
    return list(io.StringIO(text, newline=""))


def lines_of(path: str | Path, texts: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The lines of a Python file, without their ends; none when it cannot be read. `texts` stand in for some files."""
    if texts is not None and (text := texts.get(str(path))) is not None:
        return tuple(plain(text).split("\n"))
    if is_cell(str(path)):
        return lines_of_cell(str(path))
    if is_notebook(path):
        return tuple(notebook_at(str(path)).text.split("\n"))
    try:
        return tuple(decode(Path(path).read_bytes()).split("\n"))
    except (OSError, UnicodeError, SyntaxError, LookupError):
        return ()


def digest(path: str | Path) -> str | None:
    """The SHA-256 digest of a file, or of what a folder holds of a project; None if it cannot be read."""
    try:
        if os.path.isdir(path):
            return hashlib.sha256("\n".join(sorted(_project_entries(path))).encode()).hexdigest()
        if not os.path.isfile(path):  # a pipe would block
            return None
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _project_entries(folder: str | Path) -> Iterator[str]:
    """The names of the source files and folders in a folder; results and caches come and go."""
    for entry in os.listdir(folder):
        is_source = entry.endswith(_SOURCES)
        if is_source or (not entry.startswith((".", "__")) and os.path.isdir(os.path.join(folder, entry))):
            yield os.fsencode(entry).decode("utf-8", "replace")
