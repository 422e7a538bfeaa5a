"""Which mend fits a fault, in words: chosen by the evidence of the trace, not by habit.

Of the failing additions in real reports, a strided 1x1 projection is the accepted answer in about a quarter only. So
the
other explanations come first: dimensions swapped, a resolution setting, a shortcut module that exists already, a size
lost to missing padding or gained by upsampling, a flag that lets the addition happen too often.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import fx, nn

from ..records import Fix, Shape
from .calls import ModuleCall
from .fault import Fault
from .layers import Effect, effect_of
from .residuals import Residual, channel_axis_of, path_between
from .squeeze import squeeze_of_batch
from .trace import Trace

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
        return _total_stride(self.branch_layers, len(self.branch) - 2)

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
        return call.relative_path(self.owner) if call.is_torchs else getattr(node.meta["function"], "__name__", "it")


def mend_addition(residual: Residual, owner: ModuleCall, trace: Trace, fault: Fault) -> Fix | None:
    """The mend for a residual addition that cannot work; the first explanation that holds gives it."""
    evidence = _Evidence(residual, owner, trace, fault)
    for explanation in _EXPLANATIONS:
        title = explanation(evidence)
        if title is not None:
            return Fix(title)
    return None


# --- the explanations, in the order in which they are tried ----------------------------------------------------------


def _missing_dimensions(e: _Evidence) -> str | None:
    if len(e.branch) == len(e.shortcut):
        return None
    small, large = sorted((e.branch, e.shortcut), key=len)
    if len(small) == 2 and small[1] == large[1]:
        index = ", ".join([":", ":", *["None"] * (len(large) - 2)])
        return f"give the {small} operand its missing dimensions: [{index}]"
    return f"bring both operands to the same number of dimensions: {e.branch} and {e.shortcut}"


def _swapped_dimensions(e: _Evidence) -> str | None:
    if math.prod(e.branch) != math.prod(e.shortcut) or sorted(e.branch) != sorted(e.shortcut):
        return None
    unlike = [axis for axis, (a, b) in enumerate(zip(e.branch, e.shortcut, strict=True)) if a != b]
    if len(unlike) == 2:
        return f"swap the branch's dimensions back before the addition: .transpose({unlike[0]}, {unlike[1]})"
    return f"permute the branch's dimensions back to {e.shortcut} before the addition"


def _resolution_setting(e: _Evidence) -> str | None:
    """A parameter made for one number of positions, such as a position embedding, meets another number."""
    sizes = {a for pair in zip(e.branch, e.shortcut, strict=True) for a in pair if pair[0] != pair[1]}
    for node in (*e.residual.branch_path, *e.residual.shortcut_path):
        received = {size for shape in _shapes(node, activation=True) for size in shape}
        own = {size for shape in _shapes(node, activation=False) for size in shape} & sizes - received
        if "matmul" in getattr(node.meta.get("function"), "__name__", "") and own:
            made_for = own.pop()
            other = next(iter(sizes - {made_for}))
            return (
                f"a resolution setting: the position parameters are made for {made_for} positions and the input has "
                f"{other}; build the module for the resolution that it gets"
            )
    return None


def _lost_padding(e: _Evidence) -> str | None:
    """The branch shrinks by kernel - 1 per layer although nothing strides: its padding is missing."""
    lost = [node for node, effect in e.branch_layers if _pads_too_little(effect)]
    shrunk = [b < s for b, s in zip(*e.sizes, strict=True)]
    if not lost or not any(shrunk) or any(effect.sort == "transposed" for _, effect in e.branch_layers):
        return None
    if e.channels_differ and not e.shortcut_layers:
        return None
    words = []
    for node in lost:
        effect = effect_of(node)
        assert effect is not None
        padding = tuple(d * (k - 1) // 2 for k, d in zip(effect.kernel, effect.dilation or effect.kernel, strict=True))
        words.append(f"padding={padding[0] if len(set(padding)) == 1 else padding} on {e.name(node)}")
    return f"the branch loses its border, so give it padding: {', '.join(words)}"


def _upsampling_one_short(e: _Evidence) -> str | None:
    """A transposed convolution that ends a little below the size of what it is added to."""
    transposed = [(node, effect) for node, effect in e.branch_layers if effect.sort == "transposed"]
    if not transposed:
        transposed = [(node, effect) for node, effect in e.shortcut_layers if effect.sort == "transposed"]
    if not transposed or not e.sizes_differ:
        return None
    if all(0 < abs(b - s) <= max(effect.stride) * 2 for b, s in zip(*e.sizes, strict=True) for _, effect in transposed):
        return f"give {e.name(transposed[-1][0])} output_padding=1, or the size to reach: output_size=skip.shape[-2:]"
    return None


def _resized_by_factor(e: _Evidence) -> str | None:
    """An interpolation by a factor misses odd sizes; by the other operand's size it cannot."""
    resized = [node for node, effect in (*e.branch_layers, *e.shortcut_layers) if effect.sort == "resize"]
    if not resized or not e.sizes_differ or e.channels_differ:
        return None
    return "resize to the size of the other operand: size=skip.shape[-2:] instead of scale_factor"


def _floor_beside_ceil(e: _Evidence) -> str | None:
    """A pooling shortcut rounds an odd size down where the branch's strided convolution rounds up."""
    pools = [node for node, effect in e.shortcut_layers if effect.sort == "pool"]
    if pools and all(0 <= b - s <= 1 for b, s in zip(*e.sizes, strict=True)) and e.sizes_differ:
        return f"let the shortcut round up as the branch does: ceil_mode=True on {e.name(pools[-1])}"
    return None


def _upsampled_branch(e: _Evidence) -> str | None:
    """The branch is larger than the block's input: the shortcut has to grow too."""
    pairs = list(zip(*e.sizes, strict=True))
    if not any(effect.sort in ("transposed", "resize") for _, effect in e.branch_layers):
        return None
    if e.shortcut_layers or e.residual.fork is None or not pairs or not all(b > s for b, s in pairs):
        return None
    factors = {b / s for b, s in pairs}
    grow = f"scale_factor={factors.pop():g}" if len(factors) == 1 else f"size={e.branch[2:]}"
    words = f"upsample the shortcut (nn.Upsample({grow}))"
    return words if not e.channels_differ else f"{words} and project it: {_convolution(e.shortcut, e.branch, ())}"


def _strided_twice(e: _Evidence) -> str | None:
    """The branch strides in two layers what the shortcut strides in one."""
    strided = [node for node, effect in e.branch_layers if effect.stride and max(effect.stride) > 1]
    if not e.shortcut_layers or len(strided) < 2:
        return None
    own = _total_stride(e.shortcut_layers, len(e.shortcut) - 2)
    first = _total_stride(e.branch_layers[: [n for n, _ in e.branch_layers].index(strided[0]) + 1], len(e.branch) - 2)
    if own and own == first and own != e.branch_strides:
        return f"the branch strides twice, the shortcut once: stride=1 on {e.name(strided[-1])}"
    return None


def _existing_shortcut(e: _Evidence) -> str | None:
    """The block has a projection: that one is corrected, never a second one added; or the branch, if it is the odd
    one.
    """
    projections = [(node, effect) for node, effect in e.shortcut_layers if _is_projection(e, node, effect)]
    if not projections or e.residual.fork is None:
        return None
    node, effect = projections[-1]
    if not e.trace.preferred_branch and e.channels_differ:
        last = [(n, x) for n, x in e.branch_layers if x.learned]
        unit = "out_features" if effect.sort == "linear" else "out_channels"
        name = e.name(last[-1][0]) if last else "its last layer"
        return f"the branch is the odd one: {unit}={_channels(e.shortcut, effect)} on {name}, as the shortcut has"
    words = []
    if e.channels_differ:
        unit = "out_features" if effect.sort == "linear" else "out_channels"
        words.append(f"{unit}={_channels(e.branch, effect)}")
    if e.sizes_differ and e.branch_strides and math.prod(effect.kernel) == 1:
        words.append(f"stride={_number(e.branch_strides)}")
    return f"correct the shortcut that is there: {', '.join(words)} on {e.name(node)}" if words else None


def _is_projection(e: _Evidence, node: fx.Node, effect: Effect) -> bool:
    """Whether a layer is made for the shortcut, and not a stream of its own: by its 1x1 kernel, or by its name."""
    return effect.learned and (math.prod(effect.kernel) == 1 or SHORTCUT_NAME.search(e.name(node)) is not None)


def _odd_branch(e: _Evidence) -> str | None:
    """With the shortcut's shape, everything after the block fits; with the branch's, it does not."""
    learned = [node for node, effect in e.branch_layers if effect.learned]
    if e.trace.preferred_branch or not learned or e.residual.fork is None:
        return None
    effect = effect_of(learned[-1])
    assert effect is not None
    unit = "out_features" if effect.sort == "linear" else "out_channels"
    return (
        f"what follows wants the shortcut's shape, so the branch is the odd one: "
        f"{unit}={_channels(e.shortcut, effect)} on {e.name(learned[-1])}"
    )


def _generous_flag(e: _Evidence) -> str | None:
    """The addition stands under a flag of the block (`if self.use_res`) that is true too often."""
    flag = _flag_around(e.fault)
    if flag is None or e.shortcut_layers:
        return None
    wanted = "the stride is 1 and the channels are equal"
    return f"add the input only where the shapes allow it: narrow self.{flag} so that it is true when {wanted}"


def _missing_downsample(e: _Evidence) -> str | None:
    """The block takes its shortcut from its caller, and the caller gave none."""
    for name in ("downsample", "shortcut", "projection", "proj", "skip"):
        if name in vars(e.owner.module) and getattr(e.owner.module, name) is None and not e.shortcut_layers:
            projection = _projection_for(e)
            return f"pass {name}={projection} where the block is built" if projection else None
    return None


def _projection(e: _Evidence) -> str | None:
    projection = _projection_for(e)
    if projection is None:
        return None
    if e.residual.fork is None or e.shortcut_layers:
        return f"project one of the two streams: {projection}"
    return f"project the shortcut: {projection}"


_EXPLANATIONS: Sequence[Callable[[_Evidence], str | None]] = (
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
    _missing_downsample,
    _odd_branch,
    _projection,
)


# --- other faults -----------------------------------------------------------------------------------------------------


def mend_concatenation(fault: Fault) -> Fix | None:
    """The parts of a concatenation differ elsewhere than along it: resize the one that was upsampled."""
    shapes: tuple[Shape, ...] = fault.node.meta["inputs"]
    if len({len(shape) for shape in shapes}) == 1 and len({shape[2:] for shape in shapes}) > 1:
        return Fix(
            "bring the upsampled map to the size of the skip before joining them: "
            "F.interpolate(x, size=skip.shape[-2:]), or pad it"
        )
    return None


def mend_layer(fault: Fault, layer_name: str) -> Fix | None:
    """A layer takes another number than it gets: the number it should be built with."""
    shape = fault.node.meta["inputs"][0]
    layer = fault.layer
    call: ModuleCall = fault.node.meta["call"]
    if layer is None or not call.is_torchs or len(shape) < 2:
        return None
    got = shape[layer.dimension]
    parameter = _parameter_for(call.module)
    flattened = next((s for s in _behind(fault.node) if getattr(s.meta["function"], "__name__", "") in _FLATTENS), None)
    if layer.dimension == -1 and flattened is not None and len(flattened.meta["inputs"][0]) == 4:
        channels = flattened.meta["inputs"][0][1]
        if channels == layer.wanted:
            return Fix(
                f"pool to 1x1 before flattening: nn.AdaptiveAvgPool2d((1, 1)), or {parameter}={got} on {layer_name}"
            )
    return Fix(f"build {layer_name} with {parameter}={got}, or feed it {layer.wanted}")


def mend_other(fault: Fault) -> Fix | None:
    """The one mend known for other failures: a batch that squeeze() took away; else the error and shapes have to do."""
    if squeeze_of_batch(fault.node) is None:
        return None
    return Fix("squeeze() drops the batch too when it is 1: keep it with .flatten(1), or name the dimension to drop")


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


def _total_stride(layers: Sequence[tuple[fx.Node, Effect]], axes: int) -> tuple[int, ...]:
    """The product of the strides along a path, per axis: what a projection beside it has to copy."""
    strides = [effect.stride for _, effect in layers if len(effect.stride) == axes and effect.sort != "transposed"]
    return tuple(math.prod(axis) for axis in zip(*strides, strict=True)) if strides else (1,) * axes


def _pads_too_little(effect: Effect) -> bool:
    if effect.sort != "convolution":
        return False
    return any(2 * p < d * (k - 1) for p, d, k in zip(effect.padding, effect.dilation, effect.kernel, strict=True))


def _channels(shape: Shape, effect: Effect) -> int:
    return shape[-1] if effect.sort == "linear" else shape[1]


def _projection_for(e: _Evidence) -> str | None:
    """The projection of the shortcut, with the branch's strides; None where no stride gives the branch's size."""
    last = next((effect for _, effect in reversed(e.branch_layers) if effect.learned), None)
    if last is None or len(e.branch) != len(e.shortcut):
        return None
    if e.channel_axis != 1 or last.sort == "linear":
        return f"nn.Linear({e.shortcut[-1]}, {e.branch[-1]})" if e.branch[:-1] == e.shortcut[:-1] else None
    strides = e.branch_strides
    if e.branch[0] != e.shortcut[0] or any(
        math.ceil(s / stride) != b for b, s, stride in zip(*e.sizes, strides, strict=True)
    ):
        return None
    return _convolution(e.shortcut, e.branch, strides)


def _convolution(source: Shape, wanted: Shape, strides: tuple[int, ...]) -> str:
    stride = f", stride={_number(strides)}" if strides and max(strides) > 1 else ""
    return f"nn.Conv{len(wanted) - 2}d({source[1]}, {wanted[1]}, kernel_size=1{stride}, bias=False)"


def _number(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"


def _flag_around(fault: Fault) -> str | None:
    """The attribute of self that an `if` around the failing expression tests, read from the source."""
    span = fault.point.span
    try:
        tree = ast.parse(Path(span.path).read_bytes())
    except (OSError, SyntaxError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _within(node.body, span.start.line):
            test = node.test
            if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "self":
                return test.attr
    return None


def _within(body: Sequence[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or line)
