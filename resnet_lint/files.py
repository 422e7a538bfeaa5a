"""How files are named, read as Python, and written."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import tokenize
from dataclasses import dataclass
from pathlib import Path


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
    data = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return SourceText(path, data, data.decode(encoding), encoding)


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends, as Python counts them: `str.splitlines` also splits at a form feed."""
    return list(io.StringIO(text, newline=""))


def lines_of(path: str | Path) -> tuple[str, ...]:
    """The lines of a Python file, without their ends; none when it cannot be read."""
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


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: a reader never sees half of it, and a full disk or a kill leaves the old one.

    A link stays a link, a pipe or device is written to directly, and an old file keeps its permissions and, where that
    is allowed, its owner. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    old = target.stat() if target.exists() else None
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, old.st_mode if old is not None else 0o666 & ~_umask())
        if old is not None and hasattr(os, "chown"):
            with contextlib.suppress(PermissionError):
                os.chown(temporary, old.st_uid, old.st_gid)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
