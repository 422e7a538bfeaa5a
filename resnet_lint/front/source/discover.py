"""Finds the files to analyse, from the paths on the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resnet_lint.shared import notebook
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.source_text import exactly, shown

from .gitignore import Layer, gitignore_layers, inherited_layers, is_ignored, layer_of

_NEVER_WALKED = {"__pycache__", "node_modules"}
_CLASS = re.compile(rb"\bclass\b")
_IMPORT = re.compile(rb"\bimport\b")
_LIBRARY = re.compile(rb"^\s*(import|from)\s+\.*(torch|timm|transformers|lightning|monai|segmentation)", re.MULTILINE)


@dataclass(frozen=True)
class SourceFile:
    """A file to analyse. `explicit`: it was given on the command line, not found in a folder.

    `data` replaces the contents of the file: from stdin, where the file need not exist, or the Python of a notebook.
    """

    path: Path
    display: str
    only_class: str | None = None
    explicit: bool = False
    data: bytes | None = None

    @property
    def text(self) -> str | None:
        """The text that replaces the contents of the file, with its line endings; None if there is none."""
        if self.data is None:
            return None
        try:
            return exactly(self.path, self.data).text
        except (UnicodeError, SyntaxError, LookupError):  # reported by the outline
            return ""


@dataclass(frozen=True)
class Discovery:
    """The files found, the Python files that were skipped without parsing, and notes on problems.

    `folders` are the searched folders, `walked` includes their subfolders. `read` are contents by path.
    """

    files: tuple[SourceFile, ...]
    passed_over: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    walked: tuple[Path, ...] = ()
    read: Mapping[Path, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def discover(
    paths: Sequence[str | SourceFile],
    *,
    cwd: Path,
    exclude: Sequence[str] = (),
    root: Path | None = None,
    force_exclude: bool = False,
) -> Discovery:
    """Find the files to analyse, without duplicates: in the given order, files in folders sorted.

    `exclude` are patterns in .gitignore syntax, relative to `root` (default: `cwd`). Given paths are included even if
    they are excluded, unless `force_exclude`. Raises UsageError for missing or invalid paths.
    """
    search = _Search(cwd, layer_of("exclude", root or cwd, exclude), force_exclude)
    for path in paths:
        search.add(path)
    return Discovery(
        tuple(search.files.values()),
        tuple(search.passed_over),
        tuple(search.folders),
        tuple(search.walked),
        search.read,
        (*search.notes, *search.excluded_notes()),
    )


def may_define_modules(source: bytes) -> bool:
    """Whether a file is worth parsing: an nn.Module needs a class, and an import for its base class.

    A file without classes may still construct models of a library.
    """
    if _LIBRARY.search(source):
        return True
    return bool(_CLASS.search(source)) and (b"torch" in source or bool(_IMPORT.search(source)))


@dataclass
class _Search:
    cwd: Path
    exclude: Layer
    force_exclude: bool
    files: dict[tuple[Path, str | None], SourceFile] = field(default_factory=dict)
    passed_over: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    walked: list[Path] = field(default_factory=list)
    read: dict[Path, bytes] = field(default_factory=dict)
    excluded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, argument: str | SourceFile) -> None:
        if isinstance(argument, SourceFile):
            self._add_given(argument)
        else:
            self._add_named(argument)

    def excluded_notes(self) -> Iterator[str]:
        """Notes on given paths that are excluded."""
        if len(self.excluded) == 1:
            yield f"{self.excluded[0]} is excluded"
        elif self.excluded:
            yield f"{len(self.excluded)} of the given paths are excluded"

    def _add_given(self, file: SourceFile) -> None:
        if self.force_exclude and self._is_excluded(file.path):
            self.excluded.append(file.display)
        else:
            self.files[file.path, None] = file

    def _add_named(self, argument: str) -> None:
        name, colons, class_name = argument.partition("::")
        path = Path(os.path.abspath(self.cwd / name))
        if self.force_exclude and os.path.lexists(path) and self._is_excluded(path):
            self.excluded.append(shown(path, self.cwd))
        elif path.is_dir() and not colons:
            self._add_folder(path)
        else:
            _require_python_file(path, name, argument)
            if colons and not all(part.isidentifier() for part in class_name.split(".")):
                wrong = f"{class_name!r} is not the name of a class or function"
                raise UsageError(f"{argument}: {wrong}; write {name}::Name")
            self._keep(path, class_name or None, explicit=True)

    def _keep(self, path: Path, only_class: str | None = None, *, explicit: bool = False) -> None:
        file = SourceFile(path, shown(path, self.cwd), only_class, explicit, _python_of_notebook(path))
        known = self.files.setdefault((path, only_class), file)
        if explicit and not known.explicit:
            self.files[path, only_class] = file

    def _add_folder(self, folder: Path) -> None:
        self.folders.append(folder)
        found = False
        for path in self._walk(folder, inherited_layers(folder), self._exclude_below(folder)):
            found = True
            if self._is_worth_parsing(path):
                self._keep(path)
            else:
                self.passed_over.append(path)
        if not found:
            self.notes.append(f"no Python files found in {shown(folder, self.cwd)}")

    def _is_worth_parsing(self, path: Path) -> bool:
        try:
            data = path.read_bytes()
        except OSError:
            return True  # reported by the outline
        if notebook.is_notebook(path):
            return b"torch" in data
        if may_define_modules(data):
            self.read[path] = data
        return path in self.read

    def _exclude_below(self, folder: Path) -> tuple[Layer, ...]:
        """The exclude patterns, unless they exclude the given folder itself."""
        return () if self._is_excluded(folder) else (self.exclude,)

    def _is_excluded(self, path: Path) -> bool:
        way = (path, *path.parents)
        return any(is_ignored(step, (self.exclude,), folder=step != path or path.is_dir()) for step in way)

    def _walk(self, folder: Path, ignored: tuple[Layer, ...], excluded: tuple[Layer, ...]) -> Iterator[Path]:
        """The Python files below a folder. Links to folders are not followed, as in git."""
        self.walked.append(folder)
        ignored += gitignore_layers(folder)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.notes.append(f"cannot read the directory {shown(folder, self.cwd)}: {error.strerror}")
            return
        for entry in entries:
            path = folder / entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_ignored(path, excluded, folder=is_folder) or is_ignored(path, ignored, folder=is_folder):
                continue
            if is_folder and not _is_never_walked(path):
                yield from self._walk(path, ignored, excluded)
            elif entry.name.endswith((".py", notebook.SUFFIX)) and entry.is_file():
                yield path


def _require_python_file(path: Path, name: str, argument: str) -> None:
    if path.is_dir():
        raise UsageError(f"{argument}: {name} is a directory; pass the file that defines the class")
    if not os.path.lexists(path):
        raise UsageError(f"{name}: no such file or directory")
    if not path.is_file():
        raise UsageError(f"{name}: not a readable file or directory")
    if path.suffix not in (".py", notebook.SUFFIX):
        raise UsageError(f"{name}: not a Python file; pass .py files or directories")


def _is_never_walked(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _NEVER_WALKED or (folder / "pyvenv.cfg").is_file()


def _python_of_notebook(path: Path) -> bytes | None:
    if not notebook.is_notebook(path):
        return None
    try:
        return notebook.read_notebook(path.read_bytes()).text.encode()
    except (OSError, ValueError):  # reported by the outline
        return None
