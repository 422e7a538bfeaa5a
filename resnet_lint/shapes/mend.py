"""Which mend fits a fault, in words: chosen by the evidence of the trace, not by habit.

Of the failing additions in real reports, a strided 1x1 projection is the accepted answer in about a quarter only. So
the
other explanations come first: dimensions swapped, a resolution setting, a shortcut module that exists already, a size
lost to missing padding or gained by upsampling, a flag that lets the addition happen too often.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import fx, nn

from ..records import Change, Mend, Projection, Shape, Site
from .built import built_of
from .calls import ModuleCall
from .fault import ADDITIONS, CHANNEL_NORMS, LAST_DIMENSION_NORMS, Fault
from .layers import Effect, effect_of
from .residuals import Residual, channel_axis_of, path_between, residual_at
from .squeeze import squeeze_of_batch
from .trace import Trace

NORMS = CHANNEL_NORMS | LAST_DIMENSION_NORMS
SHORTCUT_NAME = re.compile(r"downsample|shortcut|proj|skip|identity|residual|\bsc\b", re.IGNORECASE)


class _Evidence:
    """A failing residual addition, with what its two sides do on the way."""

    def __init__(self, residual: Residual, owner: ModuleCall, trace: Trace, fault: Fault) -> None:
        self.residual = residual
        self.owner = owner
        self.trace = trace
        self.fault = fault
        self.branch: Shape = residual.branch.meta["shape"]
        self.shortcut: Shape = residual.shortcut.meta["shape"]
        self.channel_axis = channel_axis_of(residual)
        self.branch_layers = _layers(residual.branch_path)
        self.shortcut_layers = _layers(residual.shortcut_path)

    @property
    def branch_strides(self) -> tuple[int, ...]:
        return _total_stride(self.residual.branch_path, len(self.branch) - 2)

    @property
    def missing_stride(self) -> tuple[int, ...]:
        """What the shortcut has to stride yet, to end at the branch's size."""
        own = _total_stride(self.residual.shortcut_path, len(self.shortcut) - 2)
        pairs = list(zip(self.branch_strides, own, strict=True))
        return tuple(b // s if b % s == 0 else b for b, s in pairs)

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
        call: ModuleCall = node.meta["call"]
        return (
            call.relative_path(self.owner)
            if _is_layer(call.module)
            else getattr(node.meta["function"], "__name__", "it")
        )

    def site(self, node: fx.Node) -> Site:
        return site_of(node, self.owner)


def site_of(node: fx.Node, inside: ModuleCall) -> Site:
    """How the layer behind a node was built; `name` is its path inside the block."""
    call: ModuleCall = node.meta["call"]
    built = built_of(call.module)
    effect = effect_of(node)
    return Site(
        call.relative_path(inside),
        effect.sort if effect is not None else "other",
        tuple(point.span for point in built.chain) if built is not None and _is_layer(call.module) else (),
        effect.channels if effect is not None else None,
        effect.stride if effect is not None else (),
        tuple(inspect.signature(type(call.module)).parameters),
    )


def _is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer of torch's, or the user's own kind of one (a weight-standardised convolution)."""
    return type(module).__module__.startswith("torch.") or isinstance(module, _LAYERS)


_LAYERS = (nn.modules.conv._ConvNd, nn.Linear, nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def mend_addition(residual: Residual, owner: ModuleCall, trace: Trace, fault: Fault) -> Mend | None:
    """The mend for a residual addition that cannot work; the first explanation that holds gives it."""
    evidence = _Evidence(residual, owner, trace, fault)
    return next((mend for explanation in _EXPLANATIONS if (mend := explanation(evidence)) is not None), None)


# --- the explanations, in the order in which they are tried ----------------------------------------------------------


def _missing_dimensions(e: _Evidence) -> Mend | None:
    if len(e.branch) == len(e.shortcut):
        return None
    small, large = sorted((e.branch, e.shortcut), key=len)
    if len(small) == 2 and small[1] == large[1]:
        index = ", ".join([":", ":", *["None"] * (len(large) - 2)])
        return Mend("reshape_operand", f"give the {small} operand its missing dimensions: [{index}]")
    shapes = f"{e.branch} and {e.shortcut}"
    return Mend("reshape_operand", f"bring both operands to the same number of dimensions: {shapes}")


_MOVES = frozenset({"transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "t", "__get__"})


def _swapped_dimensions(e: _Evidence) -> Mend | None:
    moved = any(getattr(node.meta.get("function"), "__name__", "") in _MOVES for node in e.residual.branch_path)
    if sorted(e.branch) != sorted(e.shortcut) or not moved:
        return None
    unlike = [axis for axis, (a, b) in enumerate(zip(e.branch, e.shortcut, strict=True)) if a != b]
    if len(unlike) == 2:
        swap = f".transpose({unlike[0]}, {unlike[1]})"
        return Mend("reshape_operand", f"swap the branch's dimensions back before the addition: {swap}")
    return Mend("reshape_operand", f"permute the branch's dimensions back to {e.shortcut} before the addition")


def _resolution_setting(e: _Evidence) -> Mend | None:
    """A parameter made for one number of positions, such as a position embedding, meets another number."""
    sizes = {a for pair in zip(e.branch, e.shortcut, strict=True) for a in pair if pair[0] != pair[1]}
    for node in (*e.residual.branch_path, *e.residual.shortcut_path):
        received = {size for shape in _shapes(node, activation=True) for size in shape}
        own = {size for shape in _shapes(node, activation=False) for size in shape} & sizes - received
        if "matmul" in getattr(node.meta.get("function"), "__name__", "") and own:
            made_for = own.pop()
            other = next(iter(sizes - {made_for}))
            return Mend(
                "config",
                f"a resolution setting: the position parameters are made for {made_for} positions and the input has "
                f"{other}; build the module for the resolution that it gets",
            )
    return None


def _upsampling_one_short(e: _Evidence) -> Mend | None:
    """A transposed convolution that ends a little below the size of what it is added to."""
    layers = [*e.shortcut_layers, *e.branch_layers]
    transposed = [(node, effect) for node, effect in layers if effect.sort == "transposed"]
    if not transposed or not e.sizes_differ:
        return None
    node, effect = transposed[-1]
    if all(abs(b - s) <= 2 * max(effect.stride) for b, s in zip(*e.sizes, strict=True)):
        title = f"give {e.name(node)} output_padding=1, or the size to reach: output_size=skip.shape[-2:]"
        return Mend("ceil_or_output_padding", title, (Change(e.site(node), "output_padding", "1"),))
    return None


def _resized_by_factor(e: _Evidence) -> Mend | None:
    """An interpolation by a factor misses odd sizes; by the other operand's size it cannot."""
    for path, layers in ((e.residual.branch, e.branch_layers), (e.residual.shortcut, e.shortcut_layers)):
        if any(effect.sort == "resize" for _, effect in layers) and e.sizes_differ and not e.channels_differ:
            title = "resize to the size of the other operand: size=skip.shape[-2:] instead of scale_factor"
            return Mend("resize_to_skip", title, resized=_operand_index(e.fault.node, path))
    return None


def _floor_beside_ceil(e: _Evidence) -> Mend | None:
    """A pooling shortcut rounds an odd size down where the branch's strided convolution rounds up."""
    pools = [node for node, effect in e.shortcut_layers if effect.sort == "pool"]
    if pools and all(0 <= b - s <= 1 for b, s in zip(*e.sizes, strict=True)) and e.sizes_differ:
        title = f"let the shortcut round up as the branch does: ceil_mode=True on {e.name(pools[-1])}"
        return Mend("ceil_or_output_padding", title, (Change(e.site(pools[-1]), "ceil_mode", "True"),))
    return None


def _strided_twice(e: _Evidence) -> Mend | None:
    """The branch strides in two layers what the shortcut strides in one."""
    strided = [node for node, effect in e.branch_layers if effect.stride and max(effect.stride) > 1]
    if not e.shortcut_layers or len(strided) < 2 or not e.sizes_differ:
        return None
    own = _total_stride(e.residual.shortcut_path, len(e.shortcut) - 2)
    path = e.residual.branch_path
    first = _total_stride(path[: path.index(strided[0]) + 1], len(e.branch) - 2)
    if own and own == first and own != e.branch_strides:
        # Which of the two was meant is the author's to say, so there are no edits.
        return Mend("fix_branch", f"the branch strides twice, the shortcut once: stride=1 on {e.name(strided[-1])}")
    return None


def _lost_padding(e: _Evidence) -> Mend | None:
    """The branch shrinks by kernel - 1 per layer although nothing strides: its padding is missing."""
    lost = [(node, effect) for node, effect in e.branch_layers if _pads_too_little(effect)]
    if not lost or not any(b < s for b, s in zip(*e.sizes, strict=True)):
        return None
    if any(effect.sort == "transposed" for _, effect in e.branch_layers) or not _padded_sizes_agree(e):
        return None
    changes = tuple(Change(e.site(node), "padding", _number(_full_padding(effect))) for node, effect in lost)
    words = ", ".join(f"padding={change.value} on {change.site.name}" for change in changes)
    return Mend("padding", f"the branch loses its border, so give it padding: {words}", changes)


def _existing_shortcut(e: _Evidence) -> Mend | None:
    """The block has a projection: that one is corrected, never a second one added; or the branch, if it is odd."""
    projections = [(node, effect) for node, effect in e.shortcut_layers if _is_projection(e, node, effect)]
    if not projections or e.residual.fork is None:
        return None
    node, effect = projections[-1]
    if not e.trace.preferred_branch and e.channels_differ:
        return _widened_branch(e, "the branch is the odd one", node)
    learned = [(n, x) for n, x in e.branch_layers if x.learned and x.channels is not None]
    changes: list[Change] = []
    if e.channels_differ and learned:
        like = e.site(learned[-1][0]), _width_name(learned[-1][1])
        changes += _widths(e, e.residual.shortcut_path, node, e.branch[e.channel_axis], like)
    if e.sizes_differ and math.prod(effect.kernel) == 1 and e.branch_strides != effect.stride:
        strided = [n for n, x in e.branch_layers if x.stride and max(x.stride) > 1]
        like_strided = e.site(strided[-1]) if strided and _strides_in_parallel(e, strided) else None
        # Where the shortcut pools before its projection, the pooling strides.
        pools = [n for n, x in e.shortcut_layers if x.sort == "pool"]
        changes.append(
            Change(e.site((pools or [node])[-1]), "stride", _number(e.branch_strides), like_strided, "stride")
        )
    words = ", ".join(f"{change.argument}={change.value} on {change.site.name}" for change in changes)
    title = f"correct the shortcut that is there: {words}"
    mend = Mend("edit_existing_shortcut", title, tuple(changes)) if changes else None
    # A block that strides in its shortcut alone has lost the stride of its branch.
    unstrided = _unstrided_branch(e)
    return replace(unstrided, otherwise=mend) if unstrided is not None else mend


def _strides_in_parallel(e: _Evidence, strided: Sequence[fx.Node]) -> bool:
    """Whether one stride makes up the branch's whole: of one layer, or of several side by side."""
    effects = [effect_of(node) for node in strided]
    return all(effect is not None and effect.stride == e.branch_strides for effect in effects)


def _unstrided_branch(e: _Evidence) -> Mend | None:
    """The shortcut strides and the branch does not: the first of its wider kernels, or its first layer, should."""
    layers = [(n, x) for n, x in e.branch_layers if x.sort == "convolution"]
    strided = [n for n, x in e.shortcut_layers if x.stride and max(x.stride) > 1]
    if e.channels_differ or not layers or not strided or max(e.branch_strides) > 1:
        return None
    wide = [n for n, x in layers if math.prod(x.kernel) > 1] or [layers[0][0]]
    # Convolutions side by side, as in a selective kernel, stride together.
    first = [n for n in wide if n.meta["inputs"] and not any(o in path_between(e.residual.fork, n)[:-1] for o in wide)]
    change = _number(_total_stride(e.residual.shortcut_path, len(e.shortcut) - 2))
    changes = tuple(Change(e.site(n), "stride", change, e.site(strided[-1]), "stride") for n in first)
    title = f"stride in the branch as the shortcut does: stride={change} on {e.name(first[0])}"
    return Mend("fix_branch", title, changes)


def _widened_branch(e: _Evidence, why: str, like: fx.Node | None) -> Mend:
    """The branch's last layer, and the normalisations after it, with the number of channels that the shortcut has."""
    learned = [(node, effect) for node, effect in e.branch_layers if effect.learned and effect.channels is not None]
    if not learned:
        return Mend("fix_branch", f"{why}: give its last layer {e.shortcut[e.channel_axis]} channels, as the shortcut")
    node, effect = learned[-1]
    width = e.shortcut[e.channel_axis]
    like_effect = effect_of(like) if like is not None else None
    copied = (e.site(like), _width_name(like_effect)) if like is not None and like_effect is not None else (None, None)
    # A shape that differs in size too has more than one fault; which, the trace does not say.
    changes = () if e.sizes_differ else tuple(_widths(e, e.residual.branch_path, node, width, copied))
    title = f"{why}: {_width_name(effect)}={width} on {e.name(node)}, as the shortcut has"
    return Mend("fix_branch", title, changes)


def _widths(
    e: _Evidence, path: Sequence[fx.Node], node: fx.Node, width: int, like: tuple[Site, str] | tuple[None, None]
) -> list[Change]:
    """The changes that give a layer, and the normalisations after it on its path, another number of channels out."""
    effect = effect_of(node)
    assert effect is not None
    changes = [Change(e.site(node), _width_name(effect), str(width), *like)]
    for step in path[path.index(node) + 1 :]:
        call: ModuleCall = step.meta["call"]
        if step.meta.get("function") in CHANNEL_NORMS and _is_layer(call.module):
            changes.append(Change(e.site(step), _parameter_for(call.module), str(width), *like))
    return changes


def _upsampled_branch(e: _Evidence) -> Mend | None:
    """The branch is larger than the block's input: the shortcut has to grow too."""
    pairs = list(zip(*e.sizes, strict=True))
    grows = any(effect.sort in ("transposed", "resize") for _, effect in e.branch_layers)
    if not grows or e.shortcut_layers or e.residual.fork is None or not all(b > s for b, s in pairs):
        return None
    factors = {b / s for b, s in pairs}
    grow = f"scale_factor={factors.pop():g}" if len(factors) == 1 else f"size={e.branch[2:]}"
    words = f"upsample the shortcut (nn.Upsample({grow}))"
    if e.channels_differ:
        words += f" and project it: {_convolution(e.shortcut, e.branch, ())}"
    return Mend("upsample_shortcut", words)


def _generous_flag(e: _Evidence) -> Mend | None:
    """The addition stands under a flag of the block (`if self.use_res`) that is true too often."""
    flag = _flag_around(e.fault)
    if flag is None or e.shortcut_layers:
        return None
    wanted = "the stride is 1 and the channels are equal"
    title = f"add the input only where the shapes allow it: narrow self.{flag} to when {wanted}"
    return Mend("drop_skip", title, projection=_projection_of(e), flag=flag)


def _unused_shortcut(e: _Evidence) -> Mend | None:
    """The block has built a projection that fits, and adds its bare input all the same."""
    for name, module in e.owner.module.named_children():
        if not SHORTCUT_NAME.search(name) or isinstance(module, nn.Identity) or e.shortcut_layers:
            continue
        called = any(call.module is module for call in e.trace.calls)
        learned = [layer for layer in e.branch_layers if layer[1].learned and layer[1].channels is not None]
        if not called and learned:
            title = f"use the shortcut module that is there: self.{name}(...)"
            return Mend("use_shortcut", title, projection=_projection_of(e), flag=name)
    return None


def _missing_downsample(e: _Evidence) -> Mend | None:
    """The block takes its shortcut from its caller, and the caller gave none."""
    text = _projection_text(e)
    for name in ("downsample", "shortcut", "projection", "proj", "skip"):
        missing = name in vars(e.owner.module) and vars(e.owner.module)[name] is None
        if missing and name in inspect.signature(type(e.owner.module)).parameters and not e.shortcut_layers and text:
            title = f"pass {name}={text} where the block is built, or let the block make its own when it gets None"
            return Mend("project", title, projection=_projection_of(e))
    return None


def _odd_branch(e: _Evidence) -> Mend | None:
    """With the shortcut's shape, everything after the block fits; with the branch's, it does not."""
    if e.trace.preferred_branch or e.residual.fork is None or not e.channels_differ:
        return None
    if not any(effect.learned for _, effect in e.branch_layers):
        return None
    why = "what follows wants the shortcut's shape, so the branch is the odd one"
    return _widened_branch(e, why, _projection_elsewhere(e))


def _projection_elsewhere(e: _Evidence) -> fx.Node | None:
    """The projection of another instance of the block, which says how wide the branch is meant to be."""
    for node in e.trace.graph.nodes:
        other = residual_at(node) if node.meta.get("function") in ADDITIONS and node.meta.get("point") else None
        if other is None or node.meta["point"].span != e.fault.point.span:
            continue
        found = [n for n, x in _layers(other.shortcut_path) if _is_projection(e, n, x)]
        if found:
            return found[-1]
    return None


def _projected(e: _Evidence) -> Mend | None:
    text = _projection_text(e)
    if text is None:
        return None
    streams = e.residual.fork is None or bool(e.shortcut_layers)
    what = "one of the two streams" if streams else "the shortcut"
    return Mend("project", f"project {what}: {text}", projection=_projection_of(e))


_EXPLANATIONS: Sequence[Callable[[_Evidence], Mend | None]] = (
    _missing_dimensions,
    _swapped_dimensions,
    _resolution_setting,
    _upsampling_one_short,
    _resized_by_factor,
    _floor_beside_ceil,
    _strided_twice,
    _lost_padding,
    _existing_shortcut,
    _upsampled_branch,
    _generous_flag,
    _unused_shortcut,
    _odd_branch,
    _missing_downsample,
    _projected,
)


# --- other faults -----------------------------------------------------------------------------------------------------


def mend_concatenation(fault: Fault, owner: ModuleCall) -> Mend | None:
    """The parts of a concatenation differ elsewhere than along it: padding was lost, or an odd size on the way."""
    shapes: tuple[Shape, ...] = fault.node.meta["inputs"]
    if len({len(shape) for shape in shapes}) != 1 or len({shape[2:] for shape in shapes}) == 1:
        return None
    parts = [node for node in fault.node.all_input_nodes if node.meta["activation"]]
    unpadded = [mend for part in parts if (mend := _unpadded_part(part, shapes, owner)) is not None]
    if unpadded:
        return unpadded[0]
    upsampled = [index for index, part in enumerate(parts) if _was_upsampled(part)]
    return Mend(
        "resize_to_skip",
        "bring the upsampled map to the size of the skip before joining them: "
        "F.interpolate(x, size=skip.shape[-2:]), or pad it",
        resized=upsampled[-1] if upsampled else None,
    )


def _unpadded_part(part: fx.Node, shapes: Sequence[Shape], owner: ModuleCall) -> Mend | None:
    """A part that is smaller than another by what its last layer's kernel takes from an unpadded border."""
    for node in reversed(path_between(None, part)[-6:]):
        effect = effect_of(node)
        if effect is None or effect.sort not in ("convolution", "pool") or not effect.kernel:
            continue
        full = tuple((kernel - 1) // 2 for kernel in effect.kernel)
        grown = tuple(
            size + 2 * (whole - padding) // stride
            for size, whole, padding, stride in zip(effect.after[2:], full, effect.padding, effect.stride, strict=True)
        )
        if effect.padding != full and grown in {shape[2:] for shape in shapes}:
            change = Change(site_of(node, owner), "padding", _number(full))
            return Mend("padding", f"a part loses its border: padding={change.value} on {change.site.name}", (change,))
        return None
    return None


def _was_upsampled(node: fx.Node) -> bool:
    effects = [effect_of(step) for step in path_between(None, node)[-6:]]
    return any(effect is not None and effect.sort in ("transposed", "resize") for effect in effects)


def mend_layer(fault: Fault, owner: ModuleCall) -> Mend | None:
    """A layer takes another number than it gets: the number it should be built with."""
    shape = fault.node.meta["inputs"][0]
    layer = fault.layer
    call: ModuleCall = fault.node.meta["call"]
    if layer is None or not _is_layer(call.module) or len(shape) < 2:
        return None
    got = shape[layer.dimension]
    site = site_of(fault.node, owner)
    parameter = _parameter_for(call.module)
    giver = _giver_of(fault.node, owner)
    change = Change(site, parameter, str(got), *giver)
    flattened = next((s for s in _behind(fault.node) if getattr(s.meta["function"], "__name__", "") in _FLATTENS), None)
    if layer.dimension == -1 and flattened is not None and len(flattened.meta["inputs"][0]) == 4:
        channels = flattened.meta["inputs"][0][1]
        if channels == layer.wanted:
            pool = "pool to 1x1 before flattening: nn.AdaptiveAvgPool2d((1, 1))"
            return Mend("adaptive_pool", f"{pool}, or {parameter}={got} on {site.name}")
    title = f"build {site.name} with {parameter}={got}, or feed it {layer.wanted}"
    otherwise = None
    if giver[0] is not None and giver[1] is not None:
        fed = Change(giver[0], giver[1], str(layer.wanted), site, parameter)
        otherwise = Mend(
            "layer_arg", f"feed {site.name} the {layer.wanted} it takes: {giver[1]} of {giver[0].name}", (fed,)
        )
    return Mend("layer_arg", title, (change,), otherwise=otherwise)


def _giver_of(node: fx.Node, owner: ModuleCall) -> tuple[Site, str] | tuple[None, None]:
    """The layer that gave a failed layer its channels, and the name of that argument."""
    source = next((operand for operand in node.all_input_nodes if operand.meta["activation"]), None)
    for step in reversed(path_between(None, source)[-10:] if source is not None else []):
        effect = effect_of(step)
        if effect is not None and effect.channels is not None and effect.learned:
            return site_of(step, owner), _width_name(effect)
    return None, None


def mend_other(fault: Fault) -> Mend | None:
    """The one mend known for other failures: a batch that squeeze() took away; else the error has to do."""
    if squeeze_of_batch(fault.node) is None:
        return None
    title = "squeeze() drops the batch too when it is 1: keep it with .flatten(1), or name the dimension to drop"
    return Mend("dim_arg", title)


_FLATTENS = frozenset({"view", "flatten", "reshape"})


def _behind(node: fx.Node) -> list[fx.Node]:
    return [n for n in path_between(None, node)[-6:-1] if n.meta.get("function") is not None]


def _parameter_for(module: nn.Module) -> str:
    for name in ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "input_size"):
        if hasattr(module, name):
            return name
    return "its first argument"


# --- helpers ----------------------------------------------------------------------------------------------------------


def _layers(path: Sequence[fx.Node]) -> list[tuple[fx.Node, Effect]]:
    effects = ((node, effect_of(node)) for node in path)
    return [(node, effect) for node, effect in effects if effect is not None and effect.sort != "other"]


def _shapes(node: fx.Node, activation: bool) -> list[Shape]:
    """The shapes that a node reads: of activations, or of parameters and constants."""
    return [s.meta["shape"] for s in node.all_input_nodes if s.meta["activation"] == activation and s.meta["shape"]]


def _total_stride(path: Sequence[fx.Node], axes: int) -> tuple[int, ...]:
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


def _is_projection(e: _Evidence, node: fx.Node, effect: Effect) -> bool:
    """Whether a layer is made for the shortcut, and not a stream of its own: by its 1x1 kernel, or by its name."""
    return effect.learned and (math.prod(effect.kernel) == 1 or SHORTCUT_NAME.search(e.name(node)) is not None)


def _pads_too_little(effect: Effect) -> bool:
    if effect.sort != "convolution":
        return False
    return any(2 * p < d * (k - 1) for p, d, k in zip(effect.padding, effect.dilation, effect.kernel, strict=True))


def _full_padding(effect: Effect) -> tuple[int, ...]:
    """The padding that keeps the size at stride 1, for odd kernels."""
    return tuple(d * (k - 1) // 2 for d, k in zip(effect.dilation, effect.kernel, strict=True))


def _padded_sizes_agree(e: _Evidence) -> bool:
    """Whether the branch with full padding would end at the shortcut's size: then the padding alone was lost."""
    sizes = list(e.residual.branch_path[0].meta["inputs"][0][2:]) if e.residual.branch_path else []
    for _, effect in e.branch_layers:
        if effect.sort == "convolution" and len(effect.stride) == len(sizes):
            sizes = [(size - 1) // stride + 1 for size, stride in zip(sizes, effect.stride, strict=True)]
        elif effect.sort == "pool" and len(effect.stride) == len(sizes):
            return False
    return tuple(sizes) == e.sizes[1]


def _width_name(effect: Effect) -> str:
    return "out_features" if effect.sort == "linear" else "out_channels"


def _operand_index(addition: fx.Node, operand: fx.Node) -> int:
    """Which operand of an addition, as written in the source: 0 for the left one or the receiver, 1 for the other."""
    index = [node for node in addition.all_input_nodes if node.meta["activation"]].index(operand)
    return 1 - index if addition.meta["function"] is torch.Tensor.__radd__ else index


def _projection_text(e: _Evidence) -> str | None:
    """The projection of the shortcut in numbers; None where no stride of the branch gives the branch's size."""
    last = next((effect for _, effect in reversed(e.branch_layers) if effect.learned), None)
    if last is None or len(e.branch) != len(e.shortcut) or e.branch[0] != e.shortcut[0]:
        return None
    if e.channel_axis != 1 or last.sort == "linear":
        return None if e.sizes_differ else f"nn.Linear({e.shortcut[-1]}, {e.branch[-1]})"
    strides = e.missing_stride
    if any(math.ceil(s / stride) != b for b, s, stride in zip(*e.sizes, strides, strict=True)):
        return None
    return _convolution(e.shortcut, e.branch, strides)


def _projection_of(e: _Evidence) -> Projection:
    learned = [(node, effect) for node, effect in e.branch_layers if effect.learned and effect.channels is not None]
    linear = e.channel_axis != 1 or learned[-1][1].sort == "linear"
    # A normalisation before the last layer (pre-activation) says nothing of what comes after a projection.
    after = e.residual.branch_path[e.residual.branch_path.index(learned[-1][0]) :]
    norms = [node for node in after if node.meta.get("function") in NORMS]
    span = e.fault.point.span
    works_elsewhere = any(
        node.meta.get("point") is not None
        and node.meta["function"] in ADDITIONS
        and node.meta["point"].span == span
        and node not in {fault.node for fault in e.trace.all_faults}
        for node in e.trace.graph.nodes
    )
    return Projection(
        _operand_index(e.fault.node, e.residual.shortcut),
        (e.shortcut[e.channel_axis], e.branch[e.channel_axis]),
        () if linear else e.missing_stride,
        0 if linear else len(e.branch) - 2,
        tuple(e.site(node) for node, _ in learned),
        e.site(norms[-1]) if norms else None,
        works_elsewhere,
    )


def _convolution(source: Shape, wanted: Shape, strides: tuple[int, ...]) -> str:
    stride = f", stride={_number(strides)}" if strides and max(strides) > 1 else ""
    return f"nn.Conv{len(wanted) - 2}d({source[1]}, {wanted[1]}, kernel_size=1{stride}, bias=False)"


def _number(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"


def _flag_around(fault: Fault) -> str | None:
    """The attribute of self that an `if` around the failing expression tests, read from the source."""
    span = fault.point.span
    tree = ast.parse("".join(linecache.getlines(span.path)))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _within(node.body, span.start.line):
            test = node.test
            if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "self":
                return test.attr
    return None


def _within(body: Sequence[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or line)
