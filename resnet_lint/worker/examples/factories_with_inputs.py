"""Examples from functions that return a model and its inputs: `return Net(), torch.randn(1, 3, 32, 32)`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import nn

from ..build.factories import leads_to
from ..load.load import Loaded
from .example import Example, is_arguments
from .makers import makes_tensors


def examples_from_pairs(loaded: Loaded) -> Iterator[Example]:
    """Examples from functions without required arguments that create tensors and return a tuple with a model."""
    for statement in loaded.tree.body:
        if isinstance(statement, ast.FunctionDef) and _returns_several(statement):
            function = vars(loaded.module).get(statement.name, len)
            if makes_tensors(function) and leads_to(statement.name, loaded):
                label = f"{statement.name}()"
                yield Example(label, label, statement.name, partial(_made, function))


def _returns_several(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1
        for node in ast.walk(function)
    )


def _made(function: Callable[[], Any]) -> tuple[nn.Module, Any]:
    """The model in the result of a function, and the first other item that may be its inputs."""
    values = list(function())
    models = [value for value in values if isinstance(value, nn.Module)]
    others = [value() if makes_tensors(value) else value for value in values if not isinstance(value, nn.Module)]
    inputs = [value for value in others if is_arguments(value)]
    if len(models) != 1 or not inputs:
        raise LookupError("it does not return a model with inputs")
    return models[0], inputs[0]
