"""Finds permutations that exchange the sides of an image for good, from a single trace: where all sizes are fixed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from .additions import behind_plain_calls
from .axis_origins import Origin, Origins, Part
from .model import Model
from .node import Node
from .permutations import order_of


@dataclass(frozen=True, eq=False)
class TurnedSides:
    """A permutation that exchanges the sides of an image, and the first convolution behind it, or an output."""

    node: Node
    reader: Node


Sides = tuple[Part, Part]
"""The two sides of an image, in the order in which a layer before the permutation reads them."""


def turned_sides(model: Model) -> Iterator[TurnedSides]:
    """The permutations that move the channels of a square image, and exchange the order of its sides.

    A convolution with a window reads the sides before it in one order, and another one behind it in the other order, or
    they leave the model so, as do those of an image that came in; nothing puts them back. Kernels that are not square
    tell the sides apart on purpose.
    """
    turns = [node for node in model.nodes if _permutes_image(node)]
    origins = model.origins if turns else {}
    for node in turns:
        for sides in _exchanged(node, origins):
            before = [layer for layer in model.nodes[: node.order] if _slides_along(layer, sides, origins) == 1]
            behind = _behind(node, model, sides, origins) if before or _are_given(sides, model) else {}
            readers = [layer for layer in behind if before and _slides_along(layer, sides, origins) == -1]
            readers += _outputs_behind(node, model) if behind and not readers else []
            if readers and all(way == -1 for way in behind.values()) and not any(map(_tells_sides_apart, behind)):
                yield TurnedSides(node, readers[0])


def _permutes_image(node: Node) -> bool:
    """Whether a call in the user's code permutes the dimensions of an image."""
    order = order_of(node)
    return order is not None and len(order) > 3 and node.point is not None and len(node.activations) == 1


def _exchanged(node: Node, origins: Origins) -> Iterator[Sides]:
    """The neighbouring sides of one size whose order a permutation exchanges, while it moves other axes too.

    A mere exchange of the sides, `x.transpose(2, 3)`, is intended.
    """
    given, order = origins[node.activations[0]], order_of(node) or ()
    moved = {old for dim, old in enumerate(order) if dim != old}
    for dim, (one, other) in enumerate(pairwise(given)):
        is_exchanged = order.index(dim) > order.index(dim + 1) and moved != {dim, dim + 1}
        if is_exchanged and len(one) == len(other) == 1 and _are_sides(one[0], other[0]):
            yield one[0], other[0]


def _are_sides(one: Part, other: Part) -> bool:
    first, second = one.place, other.place
    if first is None or second is None or one.size != other.size:
        return False
    return first[0] == second[0] and 0 < first[1] == second[1] - 1 and first[2] == second[2] == 1


def _are_given(sides: Sides, model: Model) -> bool:
    """Whether two sides are the last axes of an input of the model."""
    images = (node for node in model.nodes if node.kind == "input" and len(node.shape or ()) > 3)
    return sides[0].root in {(image.name, len(image.known_shape) - 2) for image in images}


def _behind(node: Node, model: Model, sides: Sides, origins: Origins) -> Mapping[Node, int]:
    """The tensors behind a call that have both sides, with their order."""
    reached = {node}
    found: dict[Node, int] = {node: -1}
    for user in model.nodes[node.order + 1 :]:
        if not reached.isdisjoint(user.operands):
            reached.add(user)
            way = _way(user, sides, origins)
            if way is not None:
                found[user] = way
    return found


def _outputs_behind(node: Node, model: Model) -> list[Node]:
    """The outputs of the model that are only views, activations and concatenations of a tensor."""
    made = {node}
    for user in model.nodes[node.order + 1 :]:
        is_moved = user.function in _MOVED or user.kind == "concatenation" or behind_plain_calls(user) is not user
        if is_moved and not made.isdisjoint(user.operands):
            made.add(user)
    outputs = (output for call in model.calls if call.parent is None for output in model.results[call])
    return [output for output in outputs if output in made]


def _way(node: Node, sides: Sides, origins: Origins) -> int | None:
    """1 if a tensor has two sides in their order, -1 if in the other one; None if it does not have both, or twice."""
    places = [_places(side, origins.get(node, ())) for side in sides]
    if len(places[0]) != 1 or len(places[1]) != 1:
        return None
    return 1 if places[0] < places[1] else -1


def _places(side: Part, origin: Origin) -> list[tuple[int, int]]:
    return [(dim, at) for dim, parts in enumerate(origin) for at, part in enumerate(parts) if part.root == side.root]


def _slides_along(node: Node, sides: Sides, origins: Origins) -> int | None:
    """The order in which a layer with a square window of several pixels reads two sides; else None."""
    effect = node.effect
    if node.kind != "convolution" or effect is None or len(effect.kernel) < 2:
        return None
    is_square = len({*effect.kernel}) == 1 and effect.kernel[0] > 1
    return _way(node, sides, origins) if is_square else None


def _tells_sides_apart(node: Node) -> bool:
    return node.kind == "convolution" and node.effect is not None and len({*node.effect.kernel}) > 1


_MOVED = frozenset({"view", "reshape", "flatten", "stack", "softmax", "sigmoid", "log_softmax", "squeeze", "unsqueeze"})
