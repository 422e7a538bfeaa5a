"""Imports a model file by executing its definitions only: imports, functions, classes and assignments.

Loops, calls (training, printing) and the main block are not executed.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import importlib.util
import sys
import types
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.notebook import is_notebook, read_notebook
from resnet_lint.shared.records.places import Position, Span

from ..process.limits import TimeUp
from ..torch_quirks.absent_environment import environment_made_up
from ..torch_quirks.where_built import noting_where_built
from ..traceback_lines import line_of
from .command_line import empty_command_line
from .current_source import replace_source
from .missing_packages import serve_missing_packages
from .package import import_folders, is_foreign, module_name, package_folder, project_root, relative_levels
from .run_definitions import DefinitionError, DefinitionRunner, Definitions


@dataclass(frozen=True)
class MissingImport:
    """A package that is not installed, and the line that imports it, directly or indirectly."""

    span: Span
    package: str


@dataclass(frozen=True)
class Loaded:
    """An imported model file: its module, syntax tree and project.

    `definitions` are the executed statements. `missing` are packages that are not installed and were replaced by stubs.
    `alone` is the reason if the file was imported without its own package, because a dependency is missing.
    """

    path: str
    module: types.ModuleType
    tree: ast.Module
    project: Project
    missing: tuple[MissingImport, ...] = ()
    alone: str | None = None
    definitions: Definitions = field(default_factory=Definitions)

    @property
    def namespace(self) -> dict[str, Any]:
        """The namespace for constructor calls: the names of the file, and those that guessed arguments use."""
        helpers = {"SimpleNamespace": types.SimpleNamespace, "import_module": importlib.import_module}
        return {"torch": torch, "nn": nn, **helpers, **vars(self.module)}


@dataclass(frozen=True)
class ImportFailure:
    """The reason and line of a failed import; `module` is the module that was not found, if any.

    `is_of_package` is whether it is the package of the file that cannot be imported.
    """

    span: Span
    reason: str
    module: str | None = None
    is_of_package: bool = False


def load(path: str, source: str | None = None) -> Loaded | ImportFailure:
    """Import the definitions of a file, as a submodule of its package if it has one.

    `source` replaces the contents of the file, also for modules that import it.
    """
    try:
        return _loaded(path, source)
    except TimeUp as error:  # between two definitions
        return ImportFailure(_line(path, 1), _said(error))


def _loaded(path: str, source: str | None) -> Loaded | ImportFailure:
    file = Path(path)
    if source is None and is_notebook(path):
        source = read_notebook(file.read_bytes()).text
    if source is not None:
        replace_source(path, source)
    tree = ast.parse(file.read_bytes() if source is None else source, filename=path)
    package = package_folder(file, relative_levels(tree))
    project = Project(f"{str(project_root(file, package)).rstrip('/')}/")
    folders = import_folders(file, package, Path(project.root))
    sys.path[:0] = [str(folder) for folder in folders if str(folder) not in sys.path]
    stand_ins, missing = serve_missing_packages(), list[MissingImport]()
    alone: str | None = None
    while True:
        with noting_where_built(project), empty_command_line(path), environment_made_up():
            outcome = _imported(file, tree, package)
        if not isinstance(outcome, ImportFailure):
            module, definitions = outcome
            return Loaded(path, module, tree, project, tuple(missing), alone, definitions)
        name = (outcome.module or "").partition(".")[0]
        if name not in (known.package for known in missing) and is_foreign(name, folders):
            missing.append(MissingImport(outcome.span, name))
            stand_ins.packages.add(name)
        elif outcome.is_of_package and package is not None and alone is None and (missing or outcome.module):
            alone = outcome.reason
            _bare_packages(file, package)
        else:
            return outcome


def _imported(
    file: Path, tree: ast.Module, package: Path | None
) -> tuple[types.ModuleType, Definitions] | ImportFailure:
    """Create the module of a file by executing its definitions."""
    name = module_name(file, package)
    first = name if file.stem == "__init__" else name.rpartition(".")[0]
    try:
        if first:
            importlib.import_module(first)
    except BaseException as error:
        reason = f"its package cannot be imported: {_said(error)}"
        return ImportFailure(_line(str(file), _line_of(error, str(file), 1)), reason, _not_found(error), True)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(file):  # already imported by its package
        return known, Definitions()
    spec = importlib.util.spec_from_file_location(name, file, loader=SourceFileLoader(name, str(file)))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    runner = DefinitionRunner(str(file), tree, vars(module), _future_flags(tree))
    try:
        runner.run(tree.body)
    except DefinitionError as failed:
        del sys.modules[name]
        line = _line(str(file), _line_of(failed.cause, str(file), failed.statement.lineno))
        return ImportFailure(line, _said(failed.cause), _not_found(failed.cause))
    return module, runner.result


def _bare_packages(file: Path, package: Path) -> None:
    """Create the packages of a file without executing them."""
    for folder in (package, *(parent for parent in reversed(file.parents) if package in parent.parents)):
        name = ".".join(folder.relative_to(package.parent).parts)
        bare = types.ModuleType(name)
        bare.__path__ = [str(folder)]
        sys.modules[name] = bare


def _not_found(error: BaseException) -> str | None:
    """The missing module that caused an error, even if the file caught the ImportError first; None if there is none."""
    step: BaseException | None = error
    while step is not None:
        if isinstance(step, ModuleNotFoundError):
            return step.name
        step = step.__cause__ or step.__context__
    return None


def _future_flags(tree: ast.Module) -> int:
    flags = 0
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    return flags


def _line_of(error: BaseException, path: str, default: int) -> int:
    line, step = default, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = line_of(step)
        step = step.tb_next
    return line


def _line(path: str, number: int) -> Span:
    return Span(path, Position(number, 1), Position(number, 1))


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it exits during the import (exit code {error.code})"
    if isinstance(error, TimeUp):
        return f"it is {error}; a longer --timeout may help"
    return error_text(error)
