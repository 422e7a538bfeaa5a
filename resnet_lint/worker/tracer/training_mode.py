"""Traces a model in the modes that a script has set, where its forward takes another path in training mode."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from types import CodeType, FunctionType

from torch import nn

from resnet_lint.graph.source_places import Project

Modes = Mapping[nn.Module, bool]
"""Whether each part of a model is in training mode."""


@contextmanager
def modes_kept(module: nn.Module) -> Iterator[Modes]:
    """The modes of the parts of a model, which are restored after the with block."""
    modes = {part: part.training for part in nn.Module.modules(module)}
    try:
        yield modes
    finally:
        set_modes(modes)


def set_modes(modes: Modes) -> None:
    for part, training in modes.items():
        part.training = training


def branches_on_training(module: nn.Module, project: Project) -> bool:
    """Whether code of the user in a model branches on `self.training`, as in `if not self.training: return features`.

    To pass it on, as in `F.dropout(x, 0.5, self.training)`, is no branch.
    """
    return any(any(map(_branches, methods)) for methods in _users_methods(module, project))


def changes_in_training(module: nn.Module, project: Project) -> bool:
    """Whether a class of the user in a model branches on `self.training`, and changes tensors in place somewhere."""
    changing = (methods for methods in _users_methods(module, project) if any(map(_changes_in_place, methods)))
    return any(any(map(_branches, methods)) for methods in changing)


def _users_methods(module: nn.Module, project: Project) -> Iterator[list[CodeType]]:
    """The code of the methods of each class of the user in a model."""
    for kind in {base for part in nn.Module.modules(module) for base in type(part).__mro__}:
        codes = (value.__code__ for value in vars(kind).values() if isinstance(value, FunctionType))
        yield [code for code in codes if project.owns(code)]


def _changes_in_place(code: CodeType) -> bool:
    """Whether a function calls `x.mul_(...)`, or has `x *= ...`."""
    named = any(name.endswith("_") and not name.endswith("__") for name in code.co_names)
    return named or any(
        line.opname == "BINARY_OP" and line.argrepr.endswith("=") for line in dis.get_instructions(code)
    )


def _branches(code: CodeType) -> bool:
    return "training" in code.co_names and any(
        one.argval == "training" and one.opname == "LOAD_ATTR" and ("JUMP" in two.opname or two.opname == "TO_BOOL")
        for one, two in pairwise(dis.get_instructions(code))
    )
