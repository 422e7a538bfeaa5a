"""Tracks the axes of tensors from call to call, as factors of the axes of inputs and layers.

Unlike `axes`, which compares traces at other sizes, this needs a single trace, and works where all sizes are fixed. It
also tells apart axes of one size, and the order in which several axes were merged: rows of pixels from columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..shared.records.places import Shape
from .meetings import is_attention, is_product
from .node import Node
from .permutations import order_of


@dataclass(frozen=True)
class Part:
    """A factor of an axis: its `size`, and `outer`, the product of the factors before it.

    If a view splits an axis of 8 into 2 x 4, the parts have `outer` 1 and 2. `root` says which axis it is; the
    features of all layers have the same one, since those of one layer are added to those of another.
    """

    root: Hashable
    outer: int
    size: int

    @property
    def is_of_features(self) -> bool:
        return self.root == _FEATURES

    @property
    def place(self) -> tuple[str, int, int] | None:
        """The tensor and axis that it comes from, and where it is in this axis; None if it is made of several."""
        match self.root:
            case (str() as tensor, int() as dim):
                return tensor, dim, self.outer
        return None


Parts = tuple[Part, ...]
"""The parts of an axis, outermost first; none for an axis of size 1."""

Origin = tuple[Parts, ...]
"""The parts of all axes of a tensor."""

Origins = dict[Node, Origin]

_FEATURES = "features"


def origins_of(
    nodes: Sequence[Node],
    known: Mapping[Node, Origin] | None = None,
    orders: Mapping[Node, Sequence[int]] | None = None,
) -> Origins:
    """The origins of the results of calls, in order. `orders` are those of permutations, in place of their own."""
    origins: Origins = dict(known or {})
    for node in nodes:
        if node.shape is None:
            continue
        order = (orders or {}).get(node) or order_of(node)
        found = _permuted(node, order, origins) if order is not None else _origin(node, origins)
        is_valid = found is not None and tuple(prod(part.size for part in parts) for parts in found) == node.shape
        origins[node] = found if found is not None and is_valid else _own(node)
    return origins


def _own(node: Node) -> Origin:
    """The axes of a tensor as new ones."""
    return tuple(_new(node, dim, size) for dim, size in enumerate(node.known_shape))


def _new(node: Node, dim: int, size: int) -> Parts:
    return (Part((node.name, dim), 1, size),) if size != 1 else ()


def _features(size: int) -> Parts:
    return (Part(_FEATURES, 1, size),) if size != 1 else ()


def _permuted(node: Node, order: Sequence[int], origins: Origins) -> Origin | None:
    given = _given(node, origins)
    return tuple(given[dim] for dim in order) if given is not None else None


def _given(node: Node, origins: Origins) -> Origin | None:
    """The origin of the only activation that a call gets, as its first operand."""
    if not node.operands or not node.operands[0].activation or (len(node.activations) != 1 and not node.is_view):
        return None
    return origins.get(node.operands[0])


def _origin(node: Node, origins: Origins) -> Origin | None:
    """The origin of the result of a call that permutes nothing; None if it is not known."""
    if node.kind == "part":
        return _of_part(node, origins)
    if node.function in _UNMOVED or node.kind == "written":
        return _unmoved(node, origins)
    if node.function == "einsum":
        return _by_letters(node, origins)
    if is_attention(node) or is_product(node):
        return _of_product(node, origins)
    if node.kind == "concatenation":
        return _concatenated(node, origins)
    if node.function in _SAME_PLACE or node.kind in ("addition", "channel norm", "last norm"):
        return _combined(node, origins)
    given = _given(node, origins)
    if given is None:
        return None
    if node.is_view or node.function in _REGROUPED:
        return _regrouped([part for parts in given for part in parts], node.known_shape)
    if node.function == "getitem":
        return _taken(given, node)
    if node.kind == "linear":
        return (*given[:-1], _features(node.known_shape[-1]))
    if (node.kind in _ON_SIDES or node.function in _ADAPTIVE) and len(given) == len(node.known_shape) > 2:
        channels = _features(node.known_shape[1]) if node.kind in ("convolution", "transposed") else given[1]
        sides = zip(given[2:], node.known_shape[2:], strict=True)
        return (given[0], channels, *(_scaled(parts, size) for parts, size in sides))
    if node.function in _REDUCTIONS:
        return _reduced(given, node)
    return None


def _unmoved(node: Node, origins: Origins) -> Origin | None:
    """The axes of the first operand; those of another size are new."""
    given = origins.get(node.operands[0]) if node.operands else None
    if given is None or len(given) != len(node.known_shape):
        return None
    axes = zip(given, _own(node), node.known_shape, strict=True)
    return tuple(old if prod(part.size for part in old) == size else new for old, new, size in axes)


def _scaled(parts: Parts, size: int) -> Parts:
    """A side of an image after a layer; one of several parts keeps its size, or has no valid origin."""
    if len(parts) == 1 and parts[0].outer == 1:
        return (Part(parts[0].root, 1, size),) if size != 1 else ()
    return parts


def _regrouped(parts: Sequence[Part], shape: Shape) -> Origin | None:
    """The parts of a tensor's axes in memory order, distributed over the axes of a view."""
    waiting = list(parts) if all(shape) else []
    found: list[Parts] = []
    for size in shape:
        axis: list[Part] = []
        while size > 1:
            if not waiting:
                return None
            part = waiting.pop(0)
            if part.size > size:
                if part.size % size:
                    return None
                waiting.insert(0, Part(part.root, part.outer * size, part.size // size))
                part = Part(part.root, part.outer, size)
            if size % part.size:
                return None
            size //= part.size
            axis.append(part)
        found.append(_merged(axis))
    return tuple(found) if not waiting else None


def _merged(parts: Sequence[Part]) -> Parts:
    """The parts of an axis, with those in one that were one before."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last is not None and last.root == part.root and part.outer == last.outer * last.size:
            found[-1] = Part(part.root, last.outer, last.size * part.size)
        else:
            found.append(part)
    return tuple(found)


def _combined(node: Node, origins: Origins) -> Origin | None:
    """Each axis of a result, from the first activation that has it in full."""
    found: list[Parts] = []
    for back in range(len(node.known_shape), 0, -1):
        size = node.known_shape[-back]
        given = [origins[source] for source in node.activations if source in origins]
        parts = (origin[-back] for origin in given if len(origin) >= back)
        axis = next((axis for axis in parts if prod(part.size for part in axis) == size), None)
        if axis is None:
            return None
        found.append(axis)
    return tuple(found)


def _taken(given: Origin, node: Node) -> Origin | None:
    """The axes that an index of numbers and slices leaves."""
    index = node.arguments.get("index")
    parts = list(index) if isinstance(index, tuple) else [index]
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    found: list[Parts] = []
    left = list(given)
    for part in parts:
        if part is None:
            found.append(())
        elif part is Ellipsis:
            count = len(given) - named
            found, left = found + left[:count], left[count:]
        elif isinstance(part, slice) and left:
            found.append(_sliced(left.pop(0), (part.start, part.stop, part.step), node.known_shape[len(found)]))
        elif type(part) is int and left:
            left.pop(0)
        else:
            return None
    return tuple(found)


def _sliced(parts: Parts, taken: tuple[Any, ...], size: int) -> Parts:
    """A slice of an axis: one of the tensors that were concatenated, or a new axis for the same slices of an axis."""
    if prod(part.size for part in parts) == size:
        return parts
    if size == 1:
        return ()
    if all(part.is_of_features for part in parts):
        return _features(size)
    whole = parts[0].root if len(parts) == 1 else None
    if isinstance(whole, _Concatenated) and len(taken) == 3 and taken[2] in (None, 1):
        tensor = whole.behind(taken[0] or 0, size)
        if tensor is not None:
            return tensor
    return (Part(("slice", parts, str(taken)), 1, size),)


@dataclass(frozen=True)
class _Concatenated:
    """The axis of several tensors in a row: their parts and sizes."""

    parts: tuple[tuple[Parts, int], ...]

    def behind(self, start: int, size: int) -> Parts | None:
        """The parts of the tensor of some size that begins at `start`; None if none does."""
        at = 0
        for parts, length in self.parts:
            if (at, length) == (start, size):
                return parts
            at += length
        return None


def _concatenated(node: Node, origins: Origins) -> Origin | None:
    shape, along = node.known_shape, node.arguments.get("dim", 0)
    known = [source for source in node.operands if len(origins.get(source, ())) == len(shape)]  # without torch.empty(0)
    sources = [origins[source] for source in known]
    first = next((origins[source] for source in node.activations if source in known), None)
    if first is None or not isinstance(along, int):
        return None
    along %= len(shape)
    joined = tuple((origin[along], prod(part.size for part in origin[along])) for origin in sources)
    is_of_features = all(part.is_of_features for parts, _ in joined for part in parts)
    root: Hashable = _FEATURES if is_of_features else _Concatenated(joined)
    return (*first[:along], (Part(root, 1, shape[along]),), *first[along + 1 :])


def _reduced(given: Origin, node: Node) -> Origin | None:
    """The axes that a sum or mean leaves."""
    dims: Any = node.arguments.get("dim")
    dims = [dims] if isinstance(dims, int) else dims
    if not isinstance(dims, (list, tuple)) or not all(isinstance(dim, int) for dim in dims):
        return None
    gone = {dim % len(given) for dim in dims}
    if node.arguments.get("keepdim"):
        return tuple(() if dim in gone else parts for dim, parts in enumerate(given))
    return tuple(parts for dim, parts in enumerate(given) if dim not in gone)


def _of_product(node: Node, origins: Origins) -> Origin | None:
    """The rows of the left operand, or of the queries, with the columns of the right one, or of the values."""
    operands = node.operands[::-1] if node.spelling == "__rmatmul__" else node.operands
    last = operands[2 if is_attention(node) else 1 :]
    left, right = origins.get(operands[0]), origins.get(last[0]) if last else None
    if left is None or right is None or len(left) != len(right) or len(left) < 2:
        return None
    front = (one or other for one, other in zip(left[:-2], right[:-2], strict=True))
    return (*front, left[-2], right[-1])


def _by_letters(node: Node, origins: Origins) -> Origin | None:
    """The axes of an Einstein sum, from the first operand that has a letter."""
    given, _, made = str(node.arguments.get("equation", "")).replace(" ", "").partition("->")
    terms = given.split(",")
    if not made or "." in given or len(terms) != len(node.operands):
        return None
    axes: dict[str, Parts] = {}
    for term, operand in zip(terms, node.operands, strict=True):
        origin = origins.get(operand, ())
        known = zip(term, origin, strict=True) if operand.activation and len(origin) == len(term) else ()
        for letter, parts in known:
            axes.setdefault(letter, parts)
    sizes = zip(made, node.known_shape, strict=False)
    return tuple(axes.get(letter, _features(size)) for letter, size in sizes)


def _of_part(node: Node, origins: Origins) -> Origin | None:
    """One of the results of a call that divides a tensor, or the first one of torch's attention."""
    call = node.operands[0]
    if call.function == "multi_head_attention_forward":
        return origins.get(call.operands[0]) if node.arguments["index"] == 0 else None
    given = _given(call, origins) if call.activation else None
    if given is None:
        return None
    along, shape = call.arguments.get("dim", 0), node.known_shape
    if call.function == "unbind" and isinstance(along, int):
        along %= len(given)
        return (*given[:along], *given[along + 1 :])
    if call.function in ("chunk", "split", "tensor_split") and isinstance(along, int):
        along %= len(given)
        number = node.arguments["index"]
        return (*given[:along], _sliced(given[along], (number,), shape[along]), *given[along + 1 :])
    return None


def pairs_of(node: Node, origins: Origins) -> Iterator[tuple[Parts, Parts]]:
    """The axes that a call combines, of its first two operands; for a matrix product, those in front and the summed."""
    if len(node.operands) < 2 or any(operand not in origins for operand in node.operands[:2]):
        return
    left, right = (origins[operand] for operand in node.operands[:2])
    if len(left) != len(right):
        return
    if is_product(node) and node.spelling != "__rmatmul__" and len(left) > 2:
        yield from zip((*left[:-2], left[-1]), (*right[:-2], right[-2]), strict=True)
    elif node.kind == "addition" or node.function in ("mul", "imul"):
        yield from zip(left, right, strict=True)


_REGROUPED = frozenset({"flatten", "unflatten", "squeeze", "unsqueeze"})
_ON_SIDES = frozenset({"convolution", "transposed", "pool", "resize"})
_ADAPTIVE = frozenset(f"adaptive_{way}_pool{axes}d" for way in ("avg", "max") for axes in (1, 2, 3))
_UNMOVED = frozenset({"setitem", "pad", "flip", "cumsum"})
_REDUCTIONS = frozenset({"mean", "sum", "amax", "amin", "std", "var", "norm"})
_SAME_PLACE = frozenset(
    {"sub", "isub", "rsub", "mul", "imul", "rmul", "div", "truediv", "itruediv", "rtruediv", "rdiv"}
    | {"relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "hardsigmoid"}
    | {"hardtanh", "sigmoid", "tanh", "softplus", "logsigmoid", "dropout", "dropout1d", "dropout2d", "dropout3d"}
    | {"exp", "log", "sqrt", "rsqrt", "pow", "abs", "neg", "sin", "cos", "clamp", "contiguous", "to", "float", "clone"}
    | {"detach", "half", "type_as", "maximum", "minimum", "where", "masked_fill", "square", "erf", "softmax", "roll"}
    | {"log_softmax", "normalize", "layer_norm", "batch_norm", "instance_norm"}
)
