"""Looks at how two activations are joined: what is added to what."""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from ..observed import SelfAddition
from .calls import ModuleCall
from .fault import ADDITIONS
from .layers import effect_of
from .seen import Seen, name_of


def self_additions(seen: Seen) -> Iterator[SelfAddition]:
    """Additions of a tensor to itself, where layers of the same block made it: its input was meant."""
    for node in seen.trace.graph.nodes:
        operands = _operands(node)
        if node.meta.get("function") in ADDITIONS and operands and operands[0] is operands[1] and node.meta["point"]:
            owner = seen.owner(node)
            if _made_by_layers(operands[0], owner):
                operand = name_of(operands[0], owner)
                yield SelfAddition(**seen.place(node.meta["point"].span, owner), operand=operand)


def _operands(node: fx.Node) -> tuple[fx.Node, fx.Node] | None:
    """The two activations that a node joins; None for any other node."""
    operands = [arg for arg in node.args[:2] if isinstance(arg, fx.Node) and arg.meta["activation"]]
    return (operands[0], operands[1]) if len(operands) == 2 else None


def _made_by_layers(node: fx.Node, owner: ModuleCall) -> bool:
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
