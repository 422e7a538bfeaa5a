"""Describes the operation of a step and its hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.graph.causes import size_text
from resnet_lint.graph.effects import Effect
from resnet_lint.graph.node import Node


def operation_of(nodes: Sequence[Node]) -> str:
    """The name of the main function: the first layer with weights, else the last call; empty if there are no calls."""
    return _main(nodes).function if nodes else ""


def detail_of(nodes: Sequence[Node]) -> str:
    """The hyperparameters of the main function: `3x3, stride 2, 64 -> 128`."""
    effect = _main(nodes).effect if nodes else None
    return ", ".join(_details(effect)) if effect is not None else ""


def _main(nodes: Sequence[Node]) -> Node:
    learned = [node for node in nodes if (effect := node.effect) is not None and effect.learned]
    return learned[0] if learned else nodes[-1]


def _details(effect: Effect) -> list[str]:
    details = []
    if effect.kernel:
        details.append(size_text(effect.kernel))
    if set(effect.stride) - {1}:
        details.append(f"stride {_short(effect.stride)}")
    if set(effect.dilation) - {1}:
        details.append(f"dilation {_short(effect.dilation)}")
    if effect.channels is not None:
        details.append(f"{effect.channels[0]} -> {effect.channels[1]}")
    return details


def _short(values: Sequence[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else size_text(values)
