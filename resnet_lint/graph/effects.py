"""The effect of a layer on shapes: input and output channels, stride, kernel, padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..shared.records.places import Shape

if TYPE_CHECKING:
    from .node import Node

Sort = Literal["convolution", "transposed", "linear", "recurrent", "pool", "resize", "other"]

_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})


@dataclass(frozen=True)
class Effect:
    """How a call changes a shape. `channels` are (in, out), None if unchanged; other tuples are per spatial axis.

    `learned` is True for layers with weights that mix channels: convolutions, linear layers, attention.
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

    def resizes(self, axes: Sequence[int]) -> bool:
        """Whether the call changes the size of one of the axes, or the number of axes."""
        return len(self.before) != len(self.after) or any(self.before[axis] != self.after[axis] for axis in axes)

    @property
    def is_of_features(self) -> bool:
        """Whether the channels are on the last axis, where they are called features."""
        return self.sort in ("linear", "recurrent")

    def is_of_gate(self, result: Shape) -> bool:
        """Whether the layer is in a gate: a vector for a map, as in squeeze-and-excitation, or a map of one channel for
        all of them, as in the spatial attention of CBAM.
        """
        is_vector = all(size == 1 for size in self.after[2:]) and any(size > 1 for size in result[2:])
        is_of_positions = len(self.after) > 2 and self.after[1] == 1 and any(size > 1 for size in result[1:2])
        return is_vector or is_of_positions


def effect_of(node: Node) -> Effect | None:
    """The effect of a node; None for inputs, parameters, and calls with several results.

    The sequence that a recurrent layer returns, which is the first of its results, has the effect of the layer.
    """
    inputs, after = node.inputs, node.shape
    if node.kind == "part" and after is not None and node.sources[0].function in _RECURRENT:
        return _recurrent(node.sources[0].inputs[0], after)
    if not inputs or after is None or not after:
        return None
    if node.kind in ("convolution", "transposed"):
        return _convolution(node, inputs[0], inputs[1], after)
    if node.kind == "linear":
        return Effect("linear", inputs[0], after, (inputs[1][-1], after[-1]), learned=True)
    if node.kind == "pool":
        return _pool(node, inputs[0], after)
    if node.kind == "resize":
        return Effect("resize", inputs[0], after)
    learned = any(not source.activation and len(source.shape or ()) > 1 for source in node.sources)
    return Effect("other", inputs[0], after, learned=learned)


def _convolution(node: Node, before: Shape, weight: Shape, after: Shape) -> Effect:
    transposed = node.kind == "transposed"
    axes = len(weight) - 2
    stride = node.arguments.get("stride", 1)
    padding = node.arguments.get("padding", 0)
    dilation = node.arguments.get("dilation", 1)
    groups = node.arguments.get("groups", 1)
    channels = (weight[0], weight[1] * groups) if transposed else (weight[1] * groups, weight[0])
    kernel = tuple(weight[2:])
    spread = _per_axis(dilation, axes)
    if padding == "same":
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, spread, strict=True))
    elif padding == "valid":
        padding = 0
    return Effect(
        "transposed" if transposed else "convolution",
        before,
        after,
        channels,
        _per_axis(stride, axes),
        kernel,
        _per_axis(padding, axes),
        spread,
        learned=True,
    )


def _recurrent(before: Shape, after: Shape) -> Effect | None:
    if len(before) < 2 or before[:-1] != after[:-1]:  # the last states
        return None
    return Effect("recurrent", before, after, (before[-1], after[-1]), learned=True)


def _pool(node: Node, before: Shape, after: Shape) -> Effect:
    axes = int(node.function[-2])
    kernel = node.arguments.get("kernel_size", 1)
    stride = node.arguments.get("stride")
    padding = node.arguments.get("padding", 0)
    sizes = _per_axis(kernel, axes)
    strides = _per_axis(stride, axes) if stride else sizes
    return Effect("pool", before, after, None, strides, sizes, _per_axis(padding, axes))


def _per_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * axes
    values = tuple(value)
    return values * axes if len(values) == 1 else values


def layers_on(path: Sequence[Node]) -> list[tuple[Node, Effect]]:
    """The layers on a path that change channels or sizes, with their effects, except for those in gates."""
    effects = [(node, effect) for node in path if (effect := node.effect) is not None and effect.sort != "other"]
    return [(node, effect) for node, effect in effects if not effect.is_of_gate(path[-1].known_shape)]
