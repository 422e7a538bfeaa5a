"""The evidence about a failing residual addition in its trace: the layers on both sides, and their construction."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from resnet_lint.graph.effects import Effect, layers_on
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.fix_plans import is_layer, site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import Residual, channel_axis_of
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.fix_plans import Change, Site
from resnet_lint.shared.records.places import Shape
from resnet_lint.shared.vocabulary import SHORTCUT_LAYER


class Evidence:
    """A failing residual addition, and the layers on its branch and shortcut."""

    def __init__(self, residual: Residual, owner: ModuleCall, trace: Trace, fault: Fault) -> None:
        self.residual = residual
        self.owner = owner
        self.trace = trace
        self.fault = fault
        self.branch: Shape = residual.branch.known_shape
        self.shortcut: Shape = residual.shortcut.known_shape
        self.channel_axis = channel_axis_of(residual)
        self.branch_layers = layers_on(residual.branch_path)
        self.shortcut_layers = layers_on(residual.shortcut_path)

    @property
    def learned(self) -> list[tuple[Node, Effect]]:
        """The layers of the branch with weights that set its channels, in order."""
        return [(node, effect) for node, effect in self.branch_layers if effect.learned and effect.channels is not None]

    @property
    def branch_strides(self) -> tuple[int, ...]:
        """The total stride of the branch per spatial axis."""
        return total_stride(self.residual.branch_path, len(self.branch) - 2)

    @property
    def missing_stride(self) -> tuple[int, ...]:
        """The additional stride per spatial axis that the shortcut needs to match the size of the branch.

        It is 1 where the sizes are equal: an attention inside the branch may go down and up again.
        """
        if self.sizes[0] == self.sizes[1] and max(self.sizes[0], default=1) > 1:
            return (1,) * (len(self.branch) - 2)
        own = total_stride(self.residual.shortcut_path, len(self.shortcut) - 2)
        pairs = list(zip(self.branch_strides, own, strict=True))
        return tuple(b // s if b % s == 0 else b for b, s in pairs)

    @property
    def same_additions(self) -> list[Node]:
        """The additions by the same expression, in all instances of the block."""
        nodes = [node for node in self.trace.nodes if node.point is not None]
        span = self.fault.point.span
        return [node for node in nodes if node.kind == "addition" and node.known_point.span == span]

    @property
    def faulty(self) -> set[Node]:
        """The nodes of all faults of the trace."""
        return {fault.node for fault in self.trace.all_faults}

    @property
    def channels_differ(self) -> bool:
        return self.branch[self.channel_axis] != self.shortcut[self.channel_axis]

    @property
    def sizes(self) -> tuple[Shape, Shape]:
        """The sizes of branch and shortcut along the axes that are neither batch nor channels."""
        axes = [axis for axis in range(1, len(self.branch)) if axis != self.channel_axis]
        return tuple(self.branch[axis] for axis in axes), tuple(self.shortcut[axis] for axis in axes)

    @property
    def sizes_differ(self) -> bool:
        return self.sizes[0] != self.sizes[1]

    def name(self, node: Node) -> str:
        """The name of a node in the block: the path of the layer, or the name of the function."""
        call: ModuleCall = node.known_call
        if is_layer(call.module):
            return call.relative_path(self.owner)
        return node.spelling or "it"

    def site(self, node: Node) -> Site:
        """The construction of the layer of a node, with its path relative to the block."""
        return site_of(node, self.owner)


def is_projection(e: Evidence, node: Node, effect: Effect) -> bool:
    """Whether a layer is a projection rather than part of a second stream: a 1x1 kernel, or a name like `shortcut`."""
    return effect.learned and (math.prod(effect.kernel) == 1 or SHORTCUT_LAYER.search(e.name(node)) is not None)


def total_stride(path: Sequence[Node], axes: int) -> tuple[int, ...]:
    """The product of the strides along a path per axis, which a parallel projection has to copy.

    If the path splits and joins again, the largest product counts; a gate has no part in it.
    """
    totals: dict[Node, tuple[int, ...]] = {}
    for node in path:
        before = [totals[source] for source in node.sources if source in totals] or [(1,) * axes]
        total = tuple(max(axis) for axis in zip(*before, strict=True))
        effect = node.effect
        if effect is not None and len(effect.stride) == axes and _shrinks(effect, path[-1].known_shape):
            total = tuple(math.prod(axis) for axis in zip(total, effect.stride, strict=True))
        totals[node] = total
    return totals[path[-1]] if path else (1,) * axes


def _shrinks(effect: Effect, result: Shape) -> bool:
    return effect.sort != "transposed" and not effect.is_of_gate(result)


def width_name(effect: Effect) -> str:
    """The constructor parameter for the output channels of a layer."""
    return "out_features" if effect.sort == "linear" else "out_channels"


def parameter_for(module: nn.Module) -> str:
    """The constructor parameter for the input channels of a layer."""
    for name in ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "input_size"):
        if hasattr(module, name):
            return name
    return "its first argument"


def number_text(values: tuple[int, ...]) -> str:
    """Format values per axis as source: a single number if all are equal, else a tuple."""
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"


def widths(
    owner: ModuleCall, path: Sequence[Node], node: Node, width: int, like: tuple[Site, str] | tuple[None, None]
) -> list[Change]:
    """The changes for another number of output channels of a layer, and of the normalizations after it on the path."""
    effect = node.effect
    assert effect is not None
    changes = [Change(site_of(node, owner), width_name(effect), str(width), *like)]
    for step in path[path.index(node) + 1 :]:
        call: ModuleCall = step.known_call
        if step.kind == "channel norm" and is_layer(call.module):
            changes.append(Change(site_of(step, owner), parameter_for(call.module), str(width), *like))
    return changes


def convolution_text(source: Shape, wanted: Shape, strides: tuple[int, ...]) -> str:
    """The source of a 1x1 convolution between two shapes."""
    stride = f", stride={number_text(strides)}" if strides and max(strides) > 1 else ""
    return f"nn.Conv{len(wanted) - 2}d({source[1]}, {wanted[1]}, kernel_size=1{stride}, bias=False)"
