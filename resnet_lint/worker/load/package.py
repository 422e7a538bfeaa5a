"""Determines the package, project root, module name and import folders of a file."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")


def package_folder(file: Path, levels: int = 0) -> Path | None:
    """The outermost folder of the package that a file belongs to, or None for a file on its own.

    `levels` folders count as packages even without an `__init__.py`: as far up as the file's relative imports reach.
    """
    folder, outermost = file.parent, None
    for up in range(len(file.parents) - 1):
        if not (folder / "__init__.py").is_file() and up >= levels:
            break
        outermost, folder = folder, folder.parent
    return outermost


def relative_levels(tree: ast.Module) -> int:
    """How many folders up the relative imports of a file reach: 2 for `from ..blocks import Block`."""
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def project_root(file: Path, package: Path | None) -> Path:
    """The folder of the user's own code: the repository, or the package, or the file's folder."""
    start = package.parent if package is not None else file.parent
    if "site-packages" not in start.parts:
        for folder in (start, *start.parents):
            if any((folder / mark).exists() for mark in _ROOT_MARKS):
                return folder
    return package if package is not None else start


def import_folders(file: Path, package: Path | None, root: Path) -> list[Path]:
    """The folders for imports of the project's own modules, nearest first."""
    return [package.parent] if package is not None else [file.parent, root, Path.cwd()]


def folder_with(name: object, root: Path) -> Path | None:
    """The folder of a project in which a relative file name exists, if it is unique; else None."""
    if not isinstance(name, str) or not Path(name).name or Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    found = [path for path in root.rglob(Path(name).name) if path.is_file() and path.match(name)]
    return found[0].parents[len(Path(name).parts) - 1] if len(found) == 1 else None


def module_name(file: Path, package: Path | None) -> str:
    """The module name of a file; for a file without a package, one that no other module uses."""
    if package is None:
        return file.stem if _is_new_name(file.stem) else f"resnet_lint_{file.stem}"
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_new_name(name: str) -> bool:
    if name in sys.modules or name in sys.stdlib_module_names or not name.isidentifier():
        return False
    spec = importlib.util.find_spec(name)
    return spec is None or spec.origin is None or "site-packages" not in spec.origin


def is_foreign(name: str, folders: Sequence[Path]) -> bool:
    """Whether a missing module is a package to install, rather than a misspelled module of the project."""
    if not name or name in sys.modules or name in sys.stdlib_module_names:
        return False  # a submodule of an existing package
    own = {entry.stem for folder in folders for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()}
    misspelled = {module for module in own if f"_{name}_" not in f"_{module}_"}  # optuna_search uses optuna
    return not difflib.get_close_matches(name, misspelled, n=1, cutoff=0.8)
