"""Looks at how activations are added: what to what, and whether that can be a skip connection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import fx

from ..shared.observed import AddedTwice, BothGrow, OneChannelShortcut, SelfAddition
from ..shared.records.places import Shape
from ..worker.tracer.torch_functions import ADDITIONS
from .effects import effect_of
from .model import Seen, function_name, name_of
from .module_call import ModuleCall
from .residuals import fork_of, path_between

Pair = tuple[fx.Node, fx.Node]


def self_additions(seen: Seen) -> Iterator[SelfAddition]:
    """Additions of a tensor to itself, where layers of the same block made it: its input was meant."""
    for node, (left, right) in additions(seen):
        owner = seen.owner(node)
        if left is right and made_by_layers(left, owner):
            yield SelfAddition(**seen.place(node.meta["point"].span, owner), operand=name_of(left, owner))


def second_additions(seen: Seen) -> Iterator[AddedTwice]:
    """Additions of a tensor that the same block has just added to the other operand."""
    for node, (left, right) in additions(seen):
        owner = seen.owner(node)
        for again, total in ((left, right), (right, left)):
            first = behind_plain_calls(total)
            has_it = again is not total and is_addition(first) and again in (operands_of(first) or ())
            if has_it and first.meta["point"] is not None and seen.owner(first) is owner:
                place = seen.place(node.meta["point"].span, owner)
                line = first.meta["point"].span.start.line
                yield AddedTwice(**place, operand=name_of(again, owner), first=line)


def growing_additions(seen: Seen) -> Iterator[BothGrow]:
    """Additions that broadcast both operands, unless one of them was given its size-1 dimension on purpose."""
    for node, (left, right) in additions(seen):
        shapes = left.meta["shape"], right.meta["shape"]
        if node.meta["shape"] in shapes or None in shapes or fork_of(left, right) is None:
            continue
        if not any(_makes_room(_origin_of_single_sizes(side)) for side in (left, right)):
            place = seen.place(node.meta["point"].span, seen.owner(node))
            yield BothGrow(**place, shapes=shapes, result=node.meta["shape"])


def _origin_of_single_sizes(node: fx.Node) -> fx.Node:
    """The call that gave a tensor its number of dimensions, and its dimensions of size 1."""

    def outline(each: fx.Node) -> list[bool]:
        return [size == 1 for size in each.meta["shape"] or ()]

    while (source := next((s for s in node.all_input_nodes if outline(s) == outline(node)), None)) is not None:
        node = source
    return node


def _makes_room(node: fx.Node) -> bool:
    """Whether a call is what people write to let a tensor broadcast."""
    if function_name(node) == "getitem":
        index = node.args[1]
        return None in (index if isinstance(index, tuple) else (index,))
    return function_name(node) in _RESHAPES or "pool" in function_name(node) or bool(node.kwargs.get("keepdim"))


# `get` is what a property such as `x.T` calls.
_RESHAPES = frozenset(
    {
        "unsqueeze",
        "view",
        "reshape",
        "transpose",
        "permute",
        "expand",
        "unflatten",
        "movedim",
        "t",
        "swapaxes",
        "repeat",
    }
    | {"get", "einsum"}
)


def one_channel_shortcuts(seen: Seen) -> Iterator[OneChannelShortcut]:
    """Residual additions whose shortcut is a 1x1 convolution to one channel: the same is added to every channel."""
    for node, (left, right) in additions(seen):
        for shortcut, branch in ((left, right), (right, left)):
            if not _is_flat_beside(shortcut.meta["shape"], branch.meta["shape"]):
                continue
            fork, owner = fork_of(left, right), seen.owner(node)
            layer = _one_channel_projection(path_between(fork, shortcut)) if fork is not None else None
            if layer is not None and made_by_layers(branch, owner):
                shapes = branch.meta["shape"], shortcut.meta["shape"]
                place = seen.place(node.meta["point"].span, owner)
                yield OneChannelShortcut(**place, layer=name_of(layer, owner), shapes=shapes)


def _is_flat_beside(flat: Shape | None, full: Shape | None) -> bool:
    """Whether two maps are alike, but for one channel in the first and several in the second."""
    if flat is None or full is None or len(flat) != len(full) or len(full) < 3:
        return False
    return flat[1] == 1 < full[1] and flat[2:] == full[2:] and math.prod(full[2:]) > 1


def _one_channel_projection(path: Sequence[fx.Node]) -> fx.Node | None:
    """The one layer of a shortcut, where that is a 1x1 convolution of several channels to one."""
    layers = [(node, effect) for node in path if (effect := effect_of(node)) is not None and effect.learned]
    if len(layers) != 1 or layers[0][1].channels is None or layers[0][1].sort != "convolution":
        return None
    node, effect = layers[0]
    channels_in, channels_out = effect.channels or (0, 0)
    return node if channels_in > channels_out == 1 and math.prod(effect.kernel) == 1 else None


def is_addition(node: fx.Node) -> bool:
    return node.meta.get("function") in ADDITIONS


def operands_of(node: fx.Node) -> Pair | None:
    """The two activations that a node joins; None for any other node."""
    operands = [arg for arg in node.args[:2] if isinstance(arg, fx.Node) and arg.meta["activation"]]
    return (operands[0], operands[1]) if len(operands) == 2 else None


def additions(seen: Seen) -> Iterator[tuple[fx.Node, Pair]]:
    """The additions of two activations that stand in the user's code, with their operands."""
    for node in seen.trace.graph.nodes:
        if is_addition(node) and node.meta["point"] is not None and (operands := operands_of(node)):
            yield node, operands


def behind_plain_calls(node: fx.Node) -> fx.Node:
    """The nearest call at or above a node that is more than an activation function or a dropout."""
    while len(node.all_input_nodes) == 1 and function_name(node) in _PLAIN:
        node = node.all_input_nodes[0]
    return node


_PLAIN = frozenset(
    {"relu", "relu6", "leaky_relu", "gelu", "silu", "elu", "mish", "hardswish", "hardtanh"}
    | {"dropout", "dropout1d", "dropout2d", "dropout3d", "contiguous", "clone", "to", "float"}
)


def made_by_layers(node: fx.Node, owner: ModuleCall) -> bool:
    """Whether a layer with weights, called inside `owner`, lies on the way from its input to a node."""
    seen: set[fx.Node] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        call: ModuleCall | None = current.meta["call"]
        if current in seen or current in owner.inputs or call is None or owner not in call.with_callers():
            continue
        seen.add(current)
        effect = effect_of(current)
        if effect is not None and effect.learned:
            return True
        waiting.extend(current.all_input_nodes)
    return False
