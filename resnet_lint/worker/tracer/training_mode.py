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
    kinds = {base for part in nn.Module.modules(module) for base in type(part).__mro__}
    methods = (value.__code__ for kind in kinds for value in vars(kind).values() if isinstance(value, FunctionType))
    return any("training" in code.co_names and project.owns(code) and _branches(code) for code in methods)


def _branches(code: CodeType) -> bool:
    return any(
        one.argval == "training" and one.opname == "LOAD_ATTR" and ("JUMP" in two.opname or two.opname == "TO_BOOL")
        for one, two in pairwise(dis.get_instructions(code))
    )
