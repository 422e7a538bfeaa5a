"""Detects whether a file constructs models when it is run, even if it defines no classes."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

_LIBRARIES = re.compile(
    r"(torch|torchvision|timm|transformers|monai|lightning|pytorch_lightning|segmentation_models_pytorch)(\..*)?"
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PLAYED = re.compile(r"_*(test|main|demo|example)")


def uses_models(tree: ast.Module) -> bool:
    """Whether the statements at module level, or the functions and classes that they use, may construct a model.

    This is a call of a class or function in torch.nn or a library of models, or of a class in the project.
    """
    imports = dict(_imports(tree))
    if not any(_LIBRARIES.fullmatch(module) for module in imports.values()):
        return False
    calls = [node for part in _played(tree) for node in ast.walk(part) if isinstance(node, ast.Call)]
    return any(_may_build(call.func, imports) for call in calls)


def _played(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements at module level, functions such as tests, and the functions and classes that these use."""
    definitions = {s.name: s for s in tree.body if isinstance(s, _DEFINITIONS)}
    own = [s for s in tree.body if not isinstance(s, _DEFINITIONS)]
    waiting: list[ast.stmt] = [*own, *(s for name, s in definitions.items() if _PLAYED.match(name))]
    seen = set(map(id, waiting))
    while waiting:
        statement = waiting.pop()
        yield statement
        for node in ast.walk(statement):
            used = definitions.get(node.id) if isinstance(node, ast.Name) else None
            if used is not None and id(used) not in seen:
                seen.add(id(used))
                waiting.append(used)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that imports bind, with their full names: `nn` for `torch.nn`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname is not None else (root, root)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield (alias.asname or alias.name), f"{'.' * node.level}{node.module or ''}.{alias.name}"


def _may_build(function: ast.expr, imports: dict[str, str]) -> bool:
    names: list[str] = []
    while isinstance(function, ast.Attribute):
        names.insert(0, function.attr)
        function = function.value
    if not isinstance(function, ast.Name) or function.id not in imports:
        return False
    module = imports[function.id]
    last = names[-1] if names else function.id
    if module.partition(".")[0] == "torch":
        full = ".".join((module, *names))
        return full.startswith(("torch.nn.", "torch.hub.")) and (last[0].isupper() or "hub" in full)
    if _LIBRARIES.fullmatch(module):
        return True
    return last[0].isupper() and module.partition(".")[0] not in sys.stdlib_module_names
