"""What one layer of a graph does to shapes: channels in and out, stride, kernel, padding, and how to say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from torch import fx

from ..shared.records.places import Shape
from ..worker.tracer.torch_functions import CONVOLUTIONS, TRANSPOSED

Sort = Literal["convolution", "transposed", "linear", "pool", "resize", "other"]

_POOLS = frozenset(f"{kind}_pool{rank}d" for kind in ("max", "avg", "lp") for rank in (1, 2, 3))


@dataclass(frozen=True)
class Effect:
    """How one call changes a shape. Sizes run over the spatial axes; `channels` are (in, out), None where unchanged.

    `learned` is True for a layer with weights that mixes channels: a convolution, a linear layer, attention.
    """

    sort: Sort
    before: Shape
    after: Shape
    channels: tuple[int, int] | None = None
    stride: tuple[int, ...] = ()
    kernel: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    learned: bool = False

    @property
    def changes(self) -> bool:
        return self.before != self.after

    def is_of_gate(self, result: Shape) -> bool:
        """Whether a layer on the way to a map works on a vector beside it, as squeeze-and-excitation does."""
        return all(size == 1 for size in self.after[2:]) and any(size > 1 for size in result[2:])


def effect_of(node: fx.Node) -> Effect | None:
    """The effect of a graph node; None for inputs, parameters and results of several parts."""
    function, inputs, after = node.meta.get("function"), node.meta["inputs"], node.meta["shape"]
    if function is None or not inputs or after is None or not after:
        return None
    if function in CONVOLUTIONS or function in TRANSPOSED:
        return _convolution(node, inputs[0], inputs[1], after)
    if function is F.linear:
        return Effect("linear", inputs[0], after, (inputs[1][-1], after[-1]), learned=True)
    name = getattr(function, "__name__", "")
    if name.removeprefix("_") in _POOLS:
        return _pool(node, inputs[0], after)
    if function is F.interpolate:
        return Effect("resize", inputs[0], after)
    learned = any(
        not source.meta["activation"] and len(source.meta["shape"] or ()) > 1 for source in node.all_input_nodes
    )
    return Effect("other", inputs[0], after, learned=learned)


def _convolution(node: fx.Node, before: Shape, weight: Shape, after: Shape) -> Effect:
    transposed = node.meta["function"] in TRANSPOSED
    axes = len(weight) - 2
    # conv: input, weight, bias, stride, padding, dilation, groups
    # transposed: input, weight, bias, stride, padding, output_padding, groups, dilation
    stride = argument_of(node, 3, "stride", 1)
    padding = argument_of(node, 4, "padding", 0)
    dilation = argument_of(node, 7 if transposed else 5, "dilation", 1)
    groups = argument_of(node, 6, "groups", 1)
    channels = (weight[0], weight[1] * groups) if transposed else (weight[1] * groups, weight[0])
    kernel = tuple(weight[2:])
    spread = _each(dilation, axes)
    if padding == "same":
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, spread, strict=True))
    elif padding == "valid":
        padding = 0
    return Effect(
        "transposed" if transposed else "convolution",
        before,
        after,
        channels,
        _each(stride, axes),
        kernel,
        _each(padding, axes),
        spread,
        learned=True,
    )


def _pool(node: fx.Node, before: Shape, after: Shape) -> Effect:
    axes = int(node.meta["function"].__name__[-2])
    kernel = argument_of(node, 1, "kernel_size", 1)
    stride = argument_of(node, 2, "stride", None)
    padding = argument_of(node, 3, "padding", 0)
    each = _each(kernel, axes)
    return Effect("pool", before, after, None, _each(stride, axes) if stride else each, each, _each(padding, axes))


def argument_of(node: fx.Node, index: int, name: str, default: Any) -> Any:
    """An argument of a recorded call, given by its name or as the `index`th."""
    if name in node.kwargs:
        return node.kwargs[name]
    return node.args[index] if len(node.args) > index else default


def _each(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * axes
    values = tuple(value)
    return values * axes if len(values) == 1 else values


def layers_on(path: Sequence[fx.Node]) -> list[tuple[fx.Node, Effect]]:
    """The layers on a path that change channels or sizes, with what they do; those of gates are no part of it."""
    effects = [(node, effect) for node in path if (effect := effect_of(node)) is not None and effect.sort != "other"]
    return [(node, effect) for node, effect in effects if not effect.is_of_gate(path[-1].meta["shape"])]
