"""The fix of a vector with other channels than the map that it scales or shifts.

Such vectors are the gate of squeeze-and-excitation and the embedding of a time step.
"""

from __future__ import annotations

from resnet_lint.graph.fix_plans import is_layer, site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import path_between
from resnet_lint.shared.records.fix_plans import ChangeArguments, Site

from .evidence import Evidence, parameter_for, width_name, widths

_JOINS = ("mul", "imul", "rmul", "add", "iadd", "radd")
_MOST_STEPS = 10


def added_vector(e: Evidence) -> ChangeArguments | None:
    """The vector that is added to a map has other channels."""
    return widened_vector(e.fault.node, e.owner)


def widened_vector(join: Node, owner: ModuleCall) -> ChangeArguments | None:
    """Give the last layer of a vector the channels of the map that it is joined with."""
    found = _vector_and_map(join)
    if found is None:
        return None
    vector, scaled = found
    way = _way_from_layer(vector)
    effect = way[0].effect if way else None
    if effect is None or effect.channels is None or not is_layer(way[0].known_call.module):
        return None
    width, own = scaled.known_shape[1], vector.known_shape[1]
    if effect.channels[1] != own or own in (1, width):
        return None
    changes = widths(owner, way, way[0], width, _of_this_width(width, vector, scaled, owner))
    title = f"give the vector the channels of the map: {width_name(effect)}={width} on {changes[0].site.name}"
    return ChangeArguments(title, tuple(changes))


def _vector_and_map(join: Node) -> tuple[Node, Node] | None:
    """The operands of a product or a sum: the first has one value per channel, the second one has positions."""
    if join.function not in _JOINS or len(join.operands) != 2:
        return None
    shapes = [operand.shape or () for operand in join.operands]
    if len(shapes[0]) != len(shapes[1]) or len(shapes[0]) < 3:
        return None
    small, large = sorted(join.operands, key=lambda operand: sum(operand.known_shape[2:]))
    is_vector = set(small.known_shape[2:]) == {1} and max(large.known_shape[2:]) > 1
    return (small, large) if is_vector else None


def _way_from_layer(vector: Node) -> list[Node]:
    """The nodes from the last layer that sets the channels of a vector, without branches; empty if there is none."""
    way = [vector]
    while len(way) < _MOST_STEPS:
        effect = way[0].effect
        if effect is not None and effect.learned:
            return way
        sources = [source for source in way[0].sources if source.shape is not None]
        if len(sources) != 1:
            return []
        way.insert(0, sources[0])
    return []


def _of_this_width(width: int, vector: Node, scaled: Node, owner: ModuleCall) -> tuple[Site, str] | tuple[None, None]:
    """A layer with this width, and the argument for it: the first one of the vector, or the last one of the map."""
    first = next((node for node in path_between(scaled, vector) if _channels(node) is not None), None)
    ends = _channels(first) if first is not None else None
    if first is not None and ends is not None and ends[0] == width:
        return site_of(first, owner), parameter_for(first.known_call.module)
    behind = reversed(path_between(None, scaled)[-_MOST_STEPS:])
    last = next((node for node in behind if _channels(node) is not None), None)
    ends = _channels(last) if last is not None else None
    if last is not None and last.effect is not None and ends is not None and ends[1] == width:
        return site_of(last, owner), width_name(last.effect)
    return None, None


def _channels(node: Node) -> tuple[int, int] | None:
    """The channels that a layer with weights takes and gives; None for other nodes."""
    effect = node.effect
    if effect is None or not effect.learned or node.call is None or not is_layer(node.known_call.module):
        return None
    return effect.channels
