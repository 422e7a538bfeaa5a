"""Parses a file: its classes and top-level names, without executing it."""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_lint.shared.notebook import is_notebook, read_notebook
from resnet_lint.shared.source_text import decode

from .model_uses import uses_models

# The fields of statements that hold statements.
_BLOCKS = frozenset({"body", "cases", "finalbody", "handlers", "orelse"})


@dataclass(frozen=True)
class ClassOutline:
    """A class that may be an nn.Module. `name` is its qualified name, `line` the line of the keyword `class`.

    Its head starts at `first_line`, with its first decorator, and its body at `body_line`; it ends at `end_line`.
    """

    name: str
    line: int
    bases: tuple[str, ...]
    first_line: int
    body_line: int
    end_line: int


@dataclass(frozen=True)
class Outline:
    """A parsed file: its possible module classes, and the names that it binds at the top level.

    `functions` are the top-level functions. `uses_models`: there are no classes, but the statements at module level, or
    test functions, may construct a model of torch or another package.
    """

    path: Path
    classes: tuple[ClassOutline, ...]
    names: frozenset[str]
    functions: tuple[str, ...] = ()
    uses_models: bool = False

    @property
    def has_models(self) -> bool:
        """Whether there may be something to check."""
        return bool(self.classes) or self.uses_models


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be parsed: the position, from 1, and the reason."""

    path: Path
    line: int
    column: int
    reason: str


def read_outline(path: Path, data: bytes | None = None) -> Outline | Unreadable:
    """Parse a file, or `data`, which replaces its contents. Errors are returned as Unreadable."""
    source = read_python(path, data)
    tree = source if isinstance(source, Unreadable) else parsed(path, source)[1]
    return tree if isinstance(tree, Unreadable) else outline_of(path, tree)


def read_python(path: Path, data: bytes | None = None) -> bytes | Unreadable:
    """The Python source of a file or a notebook, or `data`, which replaces it."""
    try:
        source = path.read_bytes() if data is None else data
        return read_notebook(source).text.encode() if data is None and is_notebook(path) else source
    except OSError as error:
        return Unreadable(path, 1, 1, f"cannot read the file: {error.strerror or error}")
    except ValueError as error:  # not a notebook
        return Unreadable(path, 1, 1, str(error))


def parsed(path: Path, source: bytes) -> tuple[str, ast.Module | Unreadable]:
    """The text of a source, empty if it cannot be decoded, and its syntax tree."""
    text, problem = "", None
    try:
        text = decode(source)
    except UnicodeDecodeError as error:
        bad = error.object[error.start]
        line, column = _place(error.object, error.start)
        problem = Unreadable(path, line, column, f"byte 0x{bad:02x} is not valid {error.encoding}")
    except (LookupError, UnicodeError) as error:
        problem = Unreadable(path, 1, 1, f"cannot decode the file: {error}")
    except SyntaxError as error:  # a wrong coding cookie
        problem = _syntax_error(path, error)
    if b"\0" in source:
        problem = Unreadable(
            path, *_place(source, source.index(b"\0")), "not Python source: the file contains NUL bytes"
        )
    return text, tree_of(path, text) if problem is None else problem


def tree_of(path: Path, text: str) -> ast.Module | Unreadable:
    """The syntax tree of a text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes in the user's file
            return ast.parse(text)
    except SyntaxError as error:
        return _syntax_error(path, error)
    except (RecursionError, MemoryError):
        return Unreadable(path, 1, 1, "the code is nested too deeply for Python's parser")


def _syntax_error(path: Path, error: SyntaxError) -> Unreadable:
    return Unreadable(path, error.lineno or 1, max(error.offset or 1, 1), f"syntax error: {error.msg}")


def _place(source: bytes, offset: int) -> tuple[int, int]:
    """The line and column of a byte; the column is in characters, as far as the line can be decoded."""
    before = source[:offset]
    line_start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1


def outline_of(path: Path, tree: ast.Module) -> Outline | Unreadable:
    """The outline of a file's syntax tree; it is Unreadable if it is nested too deeply."""
    try:
        return _outline_of(path, tree)
    except RecursionError:
        return Unreadable(path, 1, 1, "the code is nested too deeply for Python's parser")


def _outline_of(path: Path, tree: ast.Module) -> Outline:
    functions = tuple(statement.name for statement in tree.body if isinstance(statement, ast.FunctionDef))
    names = frozenset(_bound_at_top(tree))
    classes = tuple(_possible_modules(tree))
    return Outline(path, classes, names, functions, uses_models=not classes and uses_models(tree))


_Classes = Sequence[tuple[str, ast.ClassDef]]


def _possible_modules(tree: ast.Module) -> Iterator[ClassOutline]:
    """The classes with a base class that may be an nn.Module, unlike Exception or Enum."""
    classes = list(_classes(tree, ""))
    plain = _plain_names(tree, {node.name for _, node in classes})
    possible = _possible(classes, plain)
    if _roots(classes, possible) & plain:
        plain -= _assigned(tree)
        possible = _possible(classes, plain)
    for name, node in classes:
        if node.name in possible:
            bases = tuple(map(ast.unparse, node.bases))
            body_line = max(first_line(node.body[0]), node.lineno + 1)
            yield ClassOutline(name, node.lineno, bases, first_line(node), body_line, node.end_lineno or node.lineno)


def _possible(classes: _Classes, plain: set[str]) -> set[str]:
    """The classes with a base class that is not plain; they and their subclasses are removed from `plain`."""
    while True:
        possible = {node.name for _, node in classes if any(_root(base) not in plain for base in node.bases)}
        if plain.isdisjoint(possible):
            return possible
        plain -= possible


def _roots(classes: _Classes, possible: set[str]) -> set[str | None]:
    """The root names of the base classes of the other classes."""
    return {_root(base) for _, node in classes if node.name not in possible for base in node.bases}


def first_line(node: ast.stmt) -> int:
    """The first line of a statement, including decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _classes(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    """All classes below a node with their qualified names, as in `__qualname__`."""
    for child in _inner(node):
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child
            yield from _classes(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(child, f"{prefix}{child.name}.<locals>.")
        else:
            yield from _classes(child, prefix)


def _inner(node: ast.AST) -> Iterator[ast.AST]:
    """The statements directly inside a statement, with the handlers and cases that hold others; no expressions."""
    for field in node._fields:
        if field in _BLOCKS:
            yield from getattr(node, field)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements below a node."""
    for child in _inner(node):
        yield child
        yield from _statements(child)


def _plain_names(tree: ast.Module, own: set[str]) -> set[str]:
    """Names that cannot be an nn.Module: builtins, names from the standard library, and the file's `own`.

    Names that are also imported from elsewhere are not included.
    """
    plain = own.union(dir(builtins))
    foreign: set[str] = set()
    for node in _statements(tree):
        for module, name in _imports(node):
            (plain if module.split(".")[0] in sys.stdlib_module_names else foreign).add(name)
    return plain - foreign


def _assigned(tree: ast.Module) -> set[str]:
    """All names that are assigned anywhere, which takes as long as parsing the file."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The pairs of module and bound name of an import statement; the module of a relative import starts with a dot."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield "." * node.level + (node.module or ""), alias.asname or alias.name


def _root(base: ast.expr) -> str | None:
    """The root name of an expression: `nn` for `nn.Module`, `Generic` for `Generic[T]`."""
    while not isinstance(base, ast.Name):
        match base:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                base = inner
            case ast.Call(func=inner):
                base = inner
            case _:
                return None
    return base.id


def _bound_at_top(node: ast.AST) -> Iterator[str]:
    """The names that a module binds, including below `if` and `try`, but not in functions and classes."""
    for child in ast.iter_child_nodes(node):
        yield from (name for _, name in _imports(child))
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield child.name
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        else:
            yield from _bound_at_top(child)
