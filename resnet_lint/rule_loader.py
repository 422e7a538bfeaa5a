"""Loads the rules by path, one file per rule: the built-in rules and custom rules."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from .rule import Rule
from .shared.errors import UsageError


def built_in_folder() -> Path:
    """The folder of the built-in rules: inside the package if installed, next to it in a checkout."""
    here = Path(__file__)
    inside = here.with_name("rules")
    return inside if inside.is_dir() else here.parents[1] / "rules"


def load_rules(folders: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Load the built-in rules and those in `folders`, sorted by code.

    Raises UsageError if a folder is missing, a file cannot be imported, or two rules have the same code.
    """
    by_code: dict[str, Rule] = {}
    for folder in (built_in_folder(), *map(Path, folders)):
        for rule in _rules_in(folder, _state(folder)):
            if rule.code in by_code:
                raise UsageError(f"{folder}: duplicate rule code {rule.code}; change one of them")
            by_code[rule.code] = rule
    return tuple(by_code[code] for code in sorted(by_code))


State = tuple[tuple[str, int, int, int], ...]
"""The names of the rule files in a folder, and what changes with each: inode, size and modification time."""


def _state(folder: Path) -> State:
    if not folder.is_dir():
        raise UsageError(f"no rule directory at {folder}; pass a directory of rule files")
    stats = ((file.name, file.stat()) for file in sorted(folder.glob("*.py")))
    return tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


@cache
def _rules_in(folder: Path, state: State) -> tuple[Rule, ...]:
    """The rules in a folder; `state` makes changed files be loaded again."""
    return tuple(rule for name, *_ in state for rule in _rules_of(folder / name))


def _rules_of(file: Path) -> Iterator[Rule]:
    # The module name includes a hash of the folder, because two folders may have files with the same name.
    name = f"_resnet_lint_rules_{hashlib.sha1(str(file.parent.resolve()).encode()).hexdigest()[:8]}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"cannot load the rule file {file}: {type(error).__name__}: {error}") from error
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == name:
            yield value()
