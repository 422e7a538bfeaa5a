"""Measures the gradient norm of each stage, with the shortcuts and with the shortcuts removed.

The residual additions are known from the trace. They are identified by their position in the sequence of additions and
replaced by their residual branch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode

from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import residual_at
from resnet_lint.shared.records.hardware_run import Gradient, Gradients

from ..tensors import tensors_in
from ..tracer.torch_functions import ADDITIONS
from .confirm import backward
from .model_under_test import ModelUnderTest

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def gradients(tested: ModelUnderTest) -> Gradients:
    """The gradient norm of each stage's parameters, for a random vector backpropagated through the outputs."""
    additions = [node for node in tested.trace.nodes if node.kind == "addition" and len(node.operands) == 2]
    shortcuts = {index: branch for index, node in enumerate(additions) if (branch := _branch(node)) is not None}
    whole = _norms(tested)
    with _WithoutShortcuts(shortcuts) as without:
        cut = _norms(tested)
    # The trace is in eval mode. If training mode makes other additions, the positions do not match.
    if not shortcuts or without.additions != len(additions):
        return Gradients(tuple(Gradient(stage, norm) for stage, norm in whole.items()), 0)
    return Gradients(tuple(Gradient(stage, norm, cut[stage]) for stage, norm in whole.items()), len(shortcuts))


def _branch(addition: Node) -> int | None:
    """The operand (0 or 1) that is the residual branch; None for additions that are not residual."""
    residual = residual_at(addition)
    if residual is None or residual.fork is None:
        return None
    return addition.operands.index(residual.branch)


class _WithoutShortcuts(TorchFunctionMode):
    """Replaces additions by one operand: `branches` maps the position of an addition to the operand to return."""

    def __init__(self, branches: Mapping[int, int]) -> None:
        super().__init__()
        self.additions = 0
        self._branches = branches

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        operands = list(tensors_in([args, kwargs])) if func in ADDITIONS else []
        if len(operands) != 2:
            return func(*args, **(kwargs or {}))
        branch = self._branches.get(self.additions)
        self.additions += 1
        return func(*args, **(kwargs or {})) if branch is None else operands[branch]


def _norms(tested: ModelUnderTest) -> dict[str, float]:
    """The gradient norm of each stage, in the order in which the stages finish."""
    squares: dict[str, float] = {}
    with tested.training_mode():
        backward(tested.outputs(), tested.seed)
        for name, parameter in tested.model.named_parameters():
            stage = _stage_of(name, tested.model)
            norm = 0.0 if parameter.grad is None else float(parameter.grad.float().norm())
            squares[stage] = squares.get(stage, 0.0) + norm**2
    ends = {path: index for index, (path, _, _) in reversed(list(enumerate(tested.expected)))}
    order = sorted(squares, key=lambda stage: ends.get(stage, len(ends)))
    return {stage: math.sqrt(squares[stage]) for stage in order}


def _stage_of(parameter: str, model: nn.Module) -> str:
    """The path of the stage of a parameter: a child of the model, or a member of a container such as nn.Sequential."""
    *parts, _ = parameter.split(".")
    module, path = model, ""
    for part in parts:
        module, path = getattr(module, part), f"{path}.{part}".removeprefix(".")
        if not isinstance(module, _CONTAINERS):
            break
    return path
