"""The fix of a gate, as in squeeze-and-excitation, with other channels than the map that it is multiplied with."""

from __future__ import annotations

from resnet_lint.graph.effects import layers_on
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.fix_plans import is_layer, site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import fork_of, path_between
from resnet_lint.shared.records.fix_plans import ChangeArguments, Site

from .evidence import parameter_for, width_name, widths


def widened_gate(fault: Fault, owner: ModuleCall) -> ChangeArguments | None:
    """Give the last layer of a gate the channels of the map that it is computed from."""
    scaled, gate = _scaled_by_gate(fault.node)
    if scaled is None or gate is None:
        return None
    path, axis = path_between(scaled, gate), 1 if len(gate.known_shape) > 2 else -1
    layers = [(node, effect) for node, effect in layers_on(path) if effect.learned and effect.channels is not None]
    width, own = scaled.known_shape[axis], gate.known_shape[axis]
    if not layers or own == 1 or layers[-1][1].channels is None or layers[-1][1].channels[1] != own != width:
        return None
    last, effect = layers[-1]
    changes = widths(owner, path, last, width, _first_that_takes(width, layers[0][0], owner))
    title = f"give the gate the channels of what it is multiplied with: {width_name(effect)}={width}"
    return ChangeArguments(f"{title} on {changes[0].site.name}", tuple(changes))


def _scaled_by_gate(node: Node) -> tuple[Node | None, Node | None]:
    """The map and the gate of a product: the gate is computed from the map."""
    operands = list(node.activations)
    if node.function not in ("mul", "imul", "rmul") or len(operands) != 2:
        return None, None
    fork = fork_of(*operands)
    others = [operand for operand in operands if operand is not fork]
    if len(others) != 1 or fork is None or len(others[0].known_shape) != len(fork.known_shape):
        return None, None
    return fork, others[0]


def _first_that_takes(width: int, node: Node, owner: ModuleCall) -> tuple[Site, str] | tuple[None, None]:
    """The first layer of the gate and its argument for the channels of the map."""
    module, effect = node.known_call.module, node.effect
    takes_it = effect is not None and effect.channels is not None and effect.channels[0] == width
    return (site_of(node, owner), parameter_for(module)) if takes_it and is_layer(module) else (None, None)
