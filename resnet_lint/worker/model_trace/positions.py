"""Which positions of its inputs a call needs for given positions of its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from resnet_lint.graph.node import Node
from resnet_lint.graph.permutations import PERMUTATIONS, order_of
from resnet_lint.shared.records.places import Shape

Positions = tuple[int, int]
Needed = tuple[Positions | None, ...]
"""For each axis, the first and the last position; None for axes that are not spatial, such as channels."""

ALL: Positions = (-(1 << 62), 1 << 62)
"""All positions of an axis, whatever its size."""


class UnknownPositionsError(Exception):
    """It is not known which positions a call needs."""


def needed_by(node: Node, needed: Needed) -> Iterator[tuple[Node, Needed]]:
    """The positions of each activation that a node is computed from. Raises UnknownPositionsError."""
    if node.kind == "part":
        yield _part(node, needed)
        return
    rule = _BY_KIND.get(node.kind) or _BY_FUNCTION.get(node.function)
    if rule is None and node.function in _POINTWISE:
        rule = _pointwise
    if rule is None or not node.activations:
        raise UnknownPositionsError
    for source in node.activations:
        if source.shape is None:
            raise UnknownPositionsError
        yield source, rule(node, source, needed)


def united(first: Needed, second: Needed) -> Needed:
    """All positions of both."""
    return tuple(_both(*pair) for pair in zip(first, second, strict=True))


def _both(first: Positions | None, second: Positions | None) -> Positions | None:
    if first is None or second is None:
        return first or second
    return min(first[0], second[0]), max(first[1], second[1])


def _moved(place: Positions | None, change: Callable[[int, int], Positions]) -> Positions | None:
    return place if place is None or place == ALL else change(*place)


def _pointwise(node: Node, source: Node, needed: Needed) -> Needed:
    """The same positions, aligned at the last axis; an axis of one element is broadcast."""
    shape = source.known_shape
    if node.shape is None or len(shape) > len(needed):
        raise UnknownPositionsError
    own, sizes = needed[len(needed) - len(shape) :], node.shape[len(node.shape) - len(shape) :]
    if any(place and size not in (1, after) for place, size, after in zip(own, shape, sizes, strict=True)):
        raise UnknownPositionsError  # a failing addition
    return tuple((0, 0) if size == 1 and place is not None else place for size, place in zip(shape, own, strict=True))


def _convolution(node: Node, source: Node, needed: Needed) -> Needed:
    effect = node.effect
    if effect is None:
        raise UnknownPositionsError
    return _windows(node, source, needed, effect.dilation)


def _windows(node: Node, source: Node, needed: Needed, dilation: Sequence[int]) -> Needed:
    """What windows over the last axes read. Windows on all positions may leave out the last ones of an odd size."""
    effect = node.effect
    if effect is None:
        raise UnknownPositionsError
    axes = len(effect.kernel)
    changes = [_window(*of) for of in zip(effect.kernel, effect.stride, effect.padding, dilation, strict=True)]
    sizes = zip(needed[-axes:], changes, source.known_shape[-axes:], node.known_shape[-axes:], strict=True)
    return *needed[:-axes], *(_read(*of) for of in sizes)


def _read(
    place: Positions | None, change: Callable[[int, int], Positions], before: int, after: int
) -> Positions | None:
    if place != ALL:
        return _moved(place, change)
    _, last = change(0, after - 1)
    return ALL if last >= before - 1 else (0, last)


def _window(kernel: int, stride: int, padding: int, dilation: int) -> Callable[[int, int], Positions]:
    return lambda first, last: (first * stride - padding, last * stride - padding + dilation * (kernel - 1))


def _transposed(node: Node, source: Node, needed: Needed) -> Needed:
    effect = node.effect
    if effect is None:
        raise UnknownPositionsError

    def change(kernel: int, stride: int, padding: int, dilation: int) -> Callable[[int, int], Positions]:
        reach = dilation * (kernel - 1)
        return lambda first, last: (-((reach - first - padding) // stride), (last + padding) // stride)

    changes = [
        change(*sizes) for sizes in zip(effect.kernel, effect.stride, effect.padding, effect.dilation, strict=True)
    ]
    return *needed[: -len(changes)], *map(_moved, needed[-len(changes) :], changes)


def _pool(node: Node, source: Node, needed: Needed) -> Needed:
    effect = node.effect
    if effect is None:
        raise UnknownPositionsError
    axes = len(effect.kernel)
    if node.function.startswith("adaptive"):
        sizes = zip(needed[-axes:], source.known_shape[-axes:], node.known_shape[-axes:], strict=True)
        return *needed[:-axes], *(_share(place, before, after) for place, before, after in sizes)
    dilation = node.arguments.get("dilation", 1)
    spread = (dilation,) * axes if isinstance(dilation, int) else tuple(dilation)
    return _windows(node, source, needed, spread)


def _share(place: Positions | None, before: int, after: int) -> Positions | None:
    """The positions of an adaptive pooling."""
    if after == 1 and place is not None:
        return ALL
    return _moved(place, lambda first, last: (first * before // after, -(-(last + 1) * before // after) - 1))


def _resize(node: Node, source: Node, needed: Needed) -> Needed:
    mode = node.arguments.get("mode", "nearest")
    reach = {"nearest": None, "linear": 0, "bilinear": 0, "trilinear": 0, "bicubic": 1}
    if mode not in reach or node.arguments.get("antialias", False):
        raise UnknownPositionsError
    aligned = bool(node.arguments.get("align_corners"))
    sizes = zip(needed, source.known_shape, node.known_shape, strict=True)
    return tuple(_resized(place, before, after, reach[mode], aligned) for place, before, after in sizes)


def _resized(place: Positions | None, before: int, after: int, reach: int | None, aligned: bool) -> Positions | None:
    """The positions of a nearest (`reach` is None), linear (0) or cubic (1) interpolation."""

    def at(position: int) -> float:
        if aligned:
            return position * (before - 1) / max(1, after - 1)
        return (position + 0.5) * before / after - 0.5

    def change(first: int, last: int) -> Positions:
        if reach is None:
            return first * before // after, last * before // after
        return math.floor(at(first)) - reach, math.ceil(at(last)) + reach

    return _moved(place, change)


def _concatenation(node: Node, source: Node, needed: Needed) -> Needed:
    """The same positions, unless the tensors are concatenated along a spatial axis."""
    if needed[node.arguments.get("dim", 0) % len(needed)] is not None:
        raise UnknownPositionsError
    return needed


def _last_norm(node: Node, source: Node, needed: Needed) -> Needed:
    """All positions of the normalized axes."""
    shape = node.arguments.get("normalized_shape")
    axes = 1 if isinstance(shape, int) or shape is None else len(shape)
    return *needed[:-axes], *(place and ALL for place in needed[-axes:])


def _channel_norm(node: Node, source: Node, needed: Needed) -> Needed:
    """The same positions for batch normalization in eval mode; all others use the statistics of the sample."""
    return needed if node.function == "batch_norm" else tuple(place and ALL for place in needed)


def _linear(node: Node, source: Node, needed: Needed) -> Needed:
    """All features, which are spatial positions where the tensor was transposed."""
    return *needed[:-1], needed[-1] and ALL


def _permute(node: Node, source: Node, needed: Needed) -> Needed:
    order = order_of(node)
    if order is None:
        raise UnknownPositionsError
    return tuple(needed[order.index(axis)] for axis in range(len(needed)))


def _view(node: Node, source: Node, needed: Needed) -> Needed:
    """Axes that stay keep their positions; merged ones need all positions, if the result needs all of its axis."""
    found: list[Positions | None] = []
    for inner, outer in _groups(source.known_shape, node.known_shape):
        places = needed[outer[0] : outer[1]]
        if inner[1] - inner[0] == 1 == outer[1] - outer[0]:
            found += places
        elif any(place is not None and place != ALL for place in places):
            raise UnknownPositionsError
        else:
            found += [ALL] * (inner[1] - inner[0])
    return tuple(found)


def _groups(before: Shape, after: Shape) -> Iterator[tuple[Positions, Positions]]:
    """The shortest runs of axes, as ranges of both shapes, that have the same number of elements."""
    inner = outer = 0
    while inner < len(before) or outer < len(after):
        start, begin = inner, outer
        inner, outer = inner + (inner < len(before)), outer + (outer < len(after))
        while (sizes := (math.prod(before[start:inner]), math.prod(after[begin:outer])))[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                inner += 1
            else:
                outer += 1
        last = outer == len(after) or inner == len(before)
        if last and math.prod(before[inner:]) == math.prod(after[outer:]) == 1:
            inner, outer = len(before), len(after)
        yield (start, inner), (begin, outer)


def _mean(node: Node, source: Node, needed: Needed) -> Needed:
    """All positions of the reduced axes."""
    rank = len(source.known_shape)
    dims = node.arguments.get("dim")
    reduced = {axis % rank for axis in ([dims] if isinstance(dims, int) else dims if dims is not None else range(rank))}
    if node.arguments.get("keepdim"):
        return tuple(ALL if axis in reduced else place for axis, place in enumerate(needed))
    left = iter(needed)
    return tuple(ALL if axis in reduced else next(left) for axis in range(rank))


def _pad(node: Node, source: Node, needed: Needed) -> Needed:
    """The positions before the padding, which may be in it."""
    pad: Sequence[int] = node.arguments.get("pad", ())
    starts = pad[::2][::-1]
    moved = [
        _moved(place, _shift(start)) for place, start in zip(needed[len(needed) - len(starts) :], starts, strict=True)
    ]
    return *needed[: len(needed) - len(starts)], *moved


def _shift(start: int) -> Callable[[int, int], Positions]:
    return lambda first, last: (first - start, last - start)


def _slice(node: Node, source: Node, needed: Needed) -> Needed:
    """The positions before taking a part; only slices keep the axes."""
    index = node.arguments.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    if not all(isinstance(part, slice) for part in parts) or len(needed) != len(source.known_shape):
        raise UnknownPositionsError
    found = list(needed)
    for axis, (part, size) in enumerate(zip(parts, source.known_shape, strict=False)):
        found[axis] = _of_slice(found[axis], range(*part.indices(size)))
    return tuple(found)


def _of_slice(place: Positions | None, kept: range) -> Positions | None:
    if place == ALL:
        return kept[0], kept[-1]
    return _moved(place, lambda first, last: (kept.start + first * kept.step, kept.start + last * kept.step))


def _part(node: Node, needed: Needed) -> tuple[Node, Needed]:
    """A part along an axis that is not spatial, or one of several results with the shape of the input."""
    whole = node.sources[0]
    source = next(iter(whole.activations), None)
    if source is None or source.shape is None or whole.function not in _SPLITS:
        raise UnknownPositionsError
    if needed[whole.arguments.get("dim", 0) % len(needed)] is not None:
        raise UnknownPositionsError
    return source, needed


_SPLITS = frozenset({"chunk", "split", "tensor_split"})

Rule = Callable[[Node, Node, Needed], Needed]
_BY_KIND: Mapping[str, Rule] = {
    "addition": _pointwise,
    "concatenation": _concatenation,
    "convolution": _convolution,
    "transposed": _transposed,
    "linear": _linear,
    "channel norm": _channel_norm,
    "last norm": _last_norm,
    "pool": _pool,
    "resize": _resize,
}
_BY_FUNCTION: Mapping[str, Rule] = {
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"), _pool),
    **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"), _pool),
    **dict.fromkeys(("flatten", "view", "reshape", "unsqueeze", "squeeze", "unflatten"), _view),
    **dict.fromkeys(("mean", "sum", "amax"), _mean),
    **dict.fromkeys(PERMUTATIONS, _permute),
    "getitem": _slice,
    "pad": _pad,
}
_POINTWISE = frozenset(
    (
        *("relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"),
        *("sigmoid", "tanh", "hardswish", "hardsigmoid", "hardtanh", "logsigmoid", "clamp", "clamp_min"),
        *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"),
        *("sub", "rsub", "isub", "mul", "rmul", "imul", "div", "truediv", "itruediv", "pow", "square", "sqrt", "rsqrt"),
        *("exp", "log", "abs", "neg", "maximum", "minimum", "addcmul", "lerp"),
        *("clone", "contiguous", "to", "type_as", "float", "half", "detach"),
    )
)
