"""Propagates sizes through a recorded graph, in terms of the input sizes.

The effect of a call is determined by its arguments. If they may be computed from a shape, as in resizing to the size of
a skip connection, the result is unknown, because such code adapts to any size. This is not always visible, so all
results have to be confirmed by traces at other sizes.

This is arithmetic on an existing graph. A symbolic trace (`symbolic/`) is more accurate, but takes as long as ten
concrete traces, which is too expensive for all models of all files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

from resnet_lint.graph.node import Node
from resnet_lint.graph.permutations import PERMUTATIONS, order_of

from .input_size import InputSize, Step

Sizes = tuple[InputSize | None, ...]
"""The sizes of a tensor's axes; None for fixed or unknown sizes."""


class Follower:
    """The sizes of all tensors in a graph, in terms of the sizes of some tensors, the `bases`."""

    def __init__(self, bases: Mapping[Node, Sizes]) -> None:
        self._known: dict[Node, Sizes] = dict(bases)

    def sizes(self, node: Node) -> Sizes:
        """The sizes of a node's axes; empty if it is not a tensor, or does not depend on a base."""
        waiting = [node]
        while waiting:  # not recursive, because deep models exceed Python's stack
            current = waiting[-1]
            sources = [] if current in self._known else _sources(current)
            missing = [source for source in sources if source not in self._known]
            if missing:
                waiting.extend(missing)
                continue
            if current not in self._known:
                self._known[current] = self._followed(current)
            waiting.pop()
        return self._known[node]

    def distinct(self, nodes: Iterable[Node]) -> set[InputSize]:
        """The distinct sizes of some nodes."""
        return {size for node in nodes for size in self.sizes(node) if size is not None}

    def _followed(self, node: Node) -> Sizes:
        sources, shape = _sources(node), node.shape
        if not sources or shape is None:
            return ()
        first = self._known[sources[0]]
        change = _CHANGES.get(node.function) if len(first) == len(sources[0].shape or ()) else None
        if change is not None:
            return change(node, first)
        known = [(source.known_shape, self._known[source]) for source in sources if self._known[source]]
        return tuple(_carried(axis - len(shape), shape, known) for axis in range(len(shape)))


def _sources(node: Node) -> list[Node]:
    """The activations that a node is computed from; for one of several results, the inputs of the call."""
    return [
        source
        for activation in node.activations
        for source in (_sources(activation) if activation.shape is None else [activation])
    ]


def _carried(axis: int, shape: Sequence[int], known: Iterable[tuple[Sequence[int], Sizes]]) -> InputSize | None:
    """The size of an axis, counted from the end, if a call preserves it and all axes after it."""
    for before, sizes in known:
        if (
            min(len(before), len(sizes)) >= -axis
            and tuple(before[axis:]) == tuple(shape[axis:])
            and sizes[axis] is not None
        ):
            return sizes[axis]
    return None


def _stepped(sizes: Sizes, steps: Sequence[Step | None]) -> Sizes:
    """Apply a step to each of the last axes."""
    kept = len(sizes) - len(steps)
    moved = zip(sizes[kept:], steps, strict=True)
    return (*sizes[:kept], *(None if size is None or step is None else size.then(step) for size, step in moved))


def _convolution(node: Node, before: Sizes) -> Sizes:
    effect = node.effect
    if effect is None or node.arguments.get("padding", 0) == "same":
        return _mixed(before)
    steps = []
    for kernel, stride, padding, dilation in zip(
        effect.kernel, effect.stride, effect.padding, effect.dilation, strict=True
    ):
        steps.append(Step(1, 2 * padding - dilation * (kernel - 1) - 1 + stride, stride))
    return _mixed(_stepped(before, steps))


def _transposed(node: Node, before: Sizes) -> Sizes:
    effect = node.effect
    if effect is None:
        return ()
    axes = len(effect.stride)
    sizes = zip(effect.before[-axes:], effect.after[-axes:], effect.stride, strict=True)
    return _mixed(_stepped(before, [Step(stride, after - stride * size) for size, after, stride in sizes]))


def _mixed(sizes: Sizes) -> Sizes:
    """Set the size of the channel axis to unknown, because a convolution determines it."""
    return (*sizes[:1], None, *sizes[2:])


def _pool(node: Node, before: Sizes) -> Sizes:
    effect = node.effect
    if effect is None:
        return ()
    average = "avg" in node.function
    dilation = 1 if average else node.arguments.get("dilation", 1)
    rounds_up = bool(node.arguments.get("ceil_mode", False))
    steps = []
    for kernel, stride, padding in zip(effect.kernel, effect.stride, effect.padding, strict=True):
        shift = 2 * padding - kernel + stride
        # With ceil_mode, torch drops a last window that would start in the padding.
        steps.append(Step(1, min(shift, padding) + stride - 1 if rounds_up else shift, stride))
    return _stepped(before, steps if dilation in (1, (1, 1)) else [None] * len(steps))


def _adapted(node: Node, before: Sizes) -> Sizes:
    """The output size of an adaptive pooling is an argument, which may be computed from a shape."""
    return _stepped(before, [None] * (len(before) - 2))


def _resized(node: Node, before: Sizes) -> Sizes:
    axes = len(before) - 2
    factor = node.arguments.get("scale_factor")
    if factor is None:
        return _stepped(before, [None] * axes)
    factors = factor if isinstance(factor, (tuple, list)) else [factor] * axes
    exact = [Fraction(scale).limit_denominator(64) for scale in factors]
    return _stepped(before, [Step(scale.numerator, 0, scale.denominator) if scale else None for scale in exact])


def _padded(node: Node, before: Sizes) -> Sizes:
    amounts = node.arguments.get("pad", ())
    if not all(isinstance(amount, int) for amount in amounts) or not any(amounts):
        return _stepped(before, [None] * min(len(amounts) // 2, len(before)))  # computed from a shape
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    return _stepped(before, [Step(1, low + high) for low, high in reversed(pairs)])


def _shuffled(node: Node, before: Sizes) -> Sizes:
    factor = node.arguments.get("upscale_factor", 1)
    return _stepped(before, [None, Step(factor), Step(factor)])


def _sliced(node: Node, before: Sizes) -> Sizes:
    if node.sources[0].shape is None:  # one of several results, as in split()
        known = [(_sources(node)[0].known_shape, before)]
        return tuple(_carried(axis - len(before), node.known_shape, known) for axis in range(len(before)))
    index = node.arguments["index"] if isinstance(node.arguments["index"], tuple) else (node.arguments["index"],)
    if not all(isinstance(part, slice) or part is Ellipsis for part in index):
        return (None,) * len(node.known_shape)
    at = list(index)
    if Ellipsis in at:
        place = at.index(Ellipsis)
        at[place : place + 1] = [slice(None)] * (len(before) - len(at) + 1)
    at += [slice(None)] * (len(before) - len(at))
    return _stepped(before, [_slice(part) for part in at])


def _slice(part: slice) -> Step | None:
    start, stop, stride = part.start or 0, part.stop or 0, part.step or 1
    if not all(isinstance(bound, int) for bound in (start, stop, stride)) or start < 0 or stop > 0:
        return None  # the bound may be the size of a skip connection
    return Step(1, stop - start + stride - 1, stride)


def _permuted(node: Node, before: Sizes) -> Sizes:
    order = order_of(node)
    return tuple(before[axis] for axis in order) if order is not None and len(order) == len(before) else ()


_CHANGES: Mapping[str, Callable[[Node, Sizes], Sizes]] = {
    **{f"conv{axes}d": _convolution for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": _transposed for axes in (1, 2, 3)},
    **{f"{kind}_pool{axes}d": _pool for kind in ("max", "avg") for axes in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{axes}d": _adapted for kind in ("max", "avg") for axes in (1, 2, 3)},
    "interpolate": _resized,
    "upsample": _resized,
    "pad": _padded,
    "pixel_shuffle": _shuffled,
    "getitem": _sliced,
    **dict.fromkeys(PERMUTATIONS, _permuted),
}
