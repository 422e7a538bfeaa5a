"""How files are named, read as Python, and written."""

from __future__ import annotations

import hashlib
import io
import os
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .notebook import is_notebook, notebook_at


def shown(path: str | Path, cwd: Path) -> str:
    """A path as the reports write it: relative to the working folder, with forward slashes, always valid UTF-8."""
    try:
        name = os.path.relpath(path, cwd)
    except ValueError:  # another drive, on Windows
        name = os.fspath(path)
    return os.fsencode(name).decode("utf-8", "replace").replace(os.sep, "/")


def decode(source: bytes) -> str:
    """Python source as text, by its byte order mark or coding cookie (PEP 263), with every line end as a newline.

    Raises UnicodeDecodeError for bytes that are not text in that encoding, SyntaxError or LookupError for an encoding
    that does not exist.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:
        source.decode("utf-8")  # bad bytes in the first two lines: this error knows their place
        raise
    return plain(source.decode(encoding))


def plain(text: str) -> str:
    """A text with every line end as a newline."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True)
class SourceText:
    """A Python file exactly as it is: its bytes, its text with its own line ends, and how to turn text into bytes."""

    path: Path
    data: bytes
    text: str
    encoding: str

    def encoded(self, text: str) -> bytes:
        """Another text in the file's encoding, with its byte order mark if it has one."""
        return text.encode(self.encoding)


def read_exactly(path: Path) -> SourceText:
    """A file's text with nothing changed. Raises OSError, and what `decode` raises."""
    return exactly(path, path.read_bytes())


def exactly(path: Path, data: bytes) -> SourceText:
    """What a file holds, or will hold, as text with nothing changed. Raises what `decode` raises."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return SourceText(path, data, data.decode(encoding), encoding)


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends, as Python counts them: `str.splitlines` also splits at a form feed."""
    return list(io.StringIO(text, newline=""))


def lines_of(path: str | Path, texts: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The lines of a Python file, without their ends; none when it cannot be read. `texts` stand in for some files."""
    if texts is not None and (text := texts.get(str(path))) is not None:
        return tuple(plain(text).split("\n"))
    if is_notebook(path):
        return tuple(notebook_at(str(path)).text.split("\n"))
    try:
        return tuple(decode(Path(path).read_bytes()).split("\n"))
    except (OSError, UnicodeError, SyntaxError, LookupError):
        return ()


def digest(path: str | Path) -> str | None:
    """A file by its content (SHA-256), None where there is no file that can be read."""
    if not os.path.isfile(path):  # a pipe would block
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
