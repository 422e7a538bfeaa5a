"""The two sides of a failing residual addition, as the trace shows them, and how the layers on them were built."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence

import torch
from torch import fx, nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.effects import Effect, effect_of, layers_on
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import Residual, channel_axis_of
from resnet_lint.shared.records.fix_plans import Change, Site
from resnet_lint.shared.records.places import Shape

from ..tracer.fault import Fault
from ..tracer.torch_functions import ADDITIONS, CHANNEL_NORMS, LAST_DIMENSION_NORMS
from ..tracer.trace import Trace

NORMS = CHANNEL_NORMS | LAST_DIMENSION_NORMS
SHORTCUT_NAME = re.compile(r"downsample|short|proj|skip|identity|residual|\bsc\b", re.IGNORECASE)


class Evidence:
    """A failing residual addition, with what its two sides do on the way."""

    def __init__(self, residual: Residual, owner: ModuleCall, trace: Trace, fault: Fault) -> None:
        self.residual = residual
        self.owner = owner
        self.trace = trace
        self.fault = fault
        self.branch: Shape = residual.branch.meta["shape"]
        self.shortcut: Shape = residual.shortcut.meta["shape"]
        self.channel_axis = channel_axis_of(residual)
        self.branch_layers = layers_on(residual.branch_path)
        self.shortcut_layers = layers_on(residual.shortcut_path)

    @property
    def learned(self) -> list[tuple[fx.Node, Effect]]:
        """The layers of the branch with weights that set its channels, in order."""
        return [(node, effect) for node, effect in self.branch_layers if effect.learned and effect.channels is not None]

    @property
    def branch_strides(self) -> tuple[int, ...]:
        """The branch's stride as a whole, per spatial axis."""
        return total_stride(self.residual.branch_path, len(self.branch) - 2)

    @property
    def missing_stride(self) -> tuple[int, ...]:
        """What the shortcut has to stride yet, to end at the branch's size."""
        own = total_stride(self.residual.shortcut_path, len(self.shortcut) - 2)
        pairs = list(zip(self.branch_strides, own, strict=True))
        return tuple(b // s if b % s == 0 else b for b, s in pairs)

    @property
    def same_additions(self) -> list[fx.Node]:
        """The additions of the trace that the same expression makes, of other instances of the block too."""
        nodes = [node for node in self.trace.graph.nodes if node.meta.get("point") is not None]
        span = self.fault.point.span
        return [node for node in nodes if node.meta["function"] in ADDITIONS and node.meta["point"].span == span]

    @property
    def faulty(self) -> set[fx.Node]:
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

    def name(self, node: fx.Node) -> str:
        """What a node is called in the block: the layer's path, or the function's name."""
        call: ModuleCall = node.meta["call"]
        if is_layer(call.module):
            return call.relative_path(self.owner)
        return getattr(node.meta["function"], "__name__", "it")

    def site(self, node: fx.Node) -> Site:
        """How the layer behind a node was built, named from the block."""
        return site_of(node, self.owner)


def site_of(node: fx.Node, inside: ModuleCall) -> Site:
    """How the layer behind a node was built, or where a pooling function is called; `name` is its path in the block."""
    call: ModuleCall = node.meta["call"]
    built = built_of(call.module) if is_layer(call.module) else None
    effect = effect_of(node)
    chain = built.chain if built is not None else ()
    if effect is not None and effect.sort == "pool" and not is_layer(call.module):
        chain = (node.meta["point"],)
    return Site(
        call.relative_path(inside),
        effect.sort if effect is not None else "other",
        tuple(point.span for point in chain),
        effect.channels if effect is not None else None,
        effect.stride if effect is not None else (),
        tuple(inspect.signature(type(call.module)).parameters),
    )


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer of torch's, or the user's own kind of one (a weight-standardised convolution)."""
    return type(module).__module__.startswith("torch.") or isinstance(module, _LAYERS)


_LAYERS = (nn.modules.conv._ConvNd, nn.Linear, nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def is_projection(e: Evidence, node: fx.Node, effect: Effect) -> bool:
    """Whether a layer is made for the shortcut, and not a stream of its own: by its 1x1 kernel, or by its name."""
    return effect.learned and (math.prod(effect.kernel) == 1 or SHORTCUT_NAME.search(e.name(node)) is not None)


def total_stride(path: Sequence[fx.Node], axes: int) -> tuple[int, ...]:
    """The product of the strides along a path, per axis: what a projection beside it has to copy.

    Where the path splits and joins again, its parts stride side by side, so the largest product counts.
    """
    totals: dict[fx.Node, tuple[int, ...]] = {}
    for node in path:
        before = [totals[source] for source in node.all_input_nodes if source in totals] or [(1,) * axes]
        total = tuple(max(axis) for axis in zip(*before, strict=True))
        effect = effect_of(node)
        if effect is not None and len(effect.stride) == axes and effect.sort != "transposed":
            total = tuple(math.prod(axis) for axis in zip(total, effect.stride, strict=True))
        totals[node] = total
    return totals[path[-1]] if path else (1,) * axes


def width_name(effect: Effect) -> str:
    """The constructor's argument that sets how many channels a layer gives."""
    return "out_features" if effect.sort == "linear" else "out_channels"


def parameter_for(module: nn.Module) -> str:
    """The constructor's argument that sets how many channels a layer takes."""
    for name in ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "input_size"):
        if hasattr(module, name):
            return name
    return "its first argument"


def operand_index(addition: fx.Node, operand: fx.Node) -> int:
    """Which operand of an addition, as written in the source: 0 for the left one or the receiver, 1 for the other."""
    index = [node for node in addition.all_input_nodes if node.meta["activation"]].index(operand)
    return 1 - index if addition.meta["function"] is torch.Tensor.__radd__ else index


def number_text(values: tuple[int, ...]) -> str:
    """One number for all axes where it is the same for each, else a tuple, as source."""
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"


def widths(
    e: Evidence, path: Sequence[fx.Node], node: fx.Node, width: int, like: tuple[Site, str] | tuple[None, None]
) -> list[Change]:
    """The changes that give a layer, and the normalisations after it on its path, another number of channels out."""
    effect = effect_of(node)
    assert effect is not None
    changes = [Change(e.site(node), width_name(effect), str(width), *like)]
    for step in path[path.index(node) + 1 :]:
        call: ModuleCall = step.meta["call"]
        if step.meta.get("function") in CHANNEL_NORMS and is_layer(call.module):
            changes.append(Change(e.site(step), parameter_for(call.module), str(width), *like))
    return changes


def convolution_text(source: Shape, wanted: Shape, strides: tuple[int, ...]) -> str:
    """The 1x1 convolution between two shapes, as source."""
    stride = f", stride={number_text(strides)}" if strides and max(strides) > 1 else ""
    return f"nn.Conv{len(wanted) - 2}d({source[1]}, {wanted[1]}, kernel_size=1{stride}, bias=False)"
