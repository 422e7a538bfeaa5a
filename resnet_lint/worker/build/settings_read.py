"""Finds the settings of a configuration that a file reads: `config.model.width`, also by way of a variable."""

from __future__ import annotations

import ast
from collections.abc import Mapping

Settings = dict[str, "Settings"]
"""Per setting those inside of it; empty for a value."""

_Path = tuple[str, ...]


def settings_read(name: str, tree: ast.Module) -> Settings:
    """The settings that a file reads of `name` or `self.name`; methods of dicts and values are none."""
    roots: dict[str, _Path] = {name: (), f"self.{name}": ()}
    methods = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            path = _path(node.value, roots, methods)
            if path is not None:
                roots.setdefault(node.targets[0].id, path)
    found: Settings = {}
    for node in ast.walk(tree):
        inside = found
        for part in _path(node, roots, methods) or ():
            inside = inside.setdefault(part, {})
    return found


def keys_read(name: str, tree: ast.Module) -> list[str]:
    """The keys of `name` or `self.name` that a file reads: `config["width"]`."""
    owners = (name, f"self.{name}")
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and ast.unparse(node.value) in owners)
    slices = (node.slice.value for node in nodes if isinstance(node.slice, ast.Constant))
    return [*dict.fromkeys(key for key in slices if isinstance(key, str))]


def _path(node: ast.AST, roots: Mapping[str, _Path], methods: set[int]) -> _Path | None:
    """The names from the configuration to a setting: model, width. None for other expressions."""
    if not isinstance(node, ast.Attribute) or id(node) in methods or hasattr(dict, node.attr):
        return None
    owner = ast.unparse(node.value)
    before = roots[owner] if owner in roots else _path(node.value, roots, methods)
    if before is None or (before and (hasattr(str, node.attr) or hasattr(list, node.attr))):
        return None
    return (*before, node.attr)
