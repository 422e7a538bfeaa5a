"""Fixes of layers with the wrong number of input channels, and of a few other failures."""

from __future__ import annotations

from dataclasses import replace

from resnet_lint.graph.fix_plans import batch_kept, is_layer, site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import path_between
from resnet_lint.graph.squeezed_batch import squeeze_of_batch
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, Hint, KeepBatch, Site

from ..tracer.fault import Fault
from .evidence import parameter_for, width_name


def plan_layer(fault: Fault, owner: ModuleCall) -> ChangeArguments | Hint | None:
    """The fix for a layer with the wrong number of input channels or features."""
    shape = fault.node.inputs[0]
    layer = fault.layer
    call: ModuleCall = fault.node.known_call
    if layer is None or not is_layer(call.module) or len(shape) < 2:
        return None
    got = shape[layer.dimension]
    site = site_of(fault.node, owner)
    parameter = parameter_for(call.module)
    giver = _giver_of(fault.node, owner)
    change = Change(site, parameter, str(got), *giver)
    flattened = next((s for s in _behind(fault.node) if s.spelling in _FLATTENS), None)
    if layer.dimension == -1 and flattened is not None and len(flattened.inputs[0]) == 4:
        channels = flattened.inputs[0][1]
        if channels == layer.wanted:
            pool = "pool to 1x1 before flattening: nn.AdaptiveAvgPool2d((1, 1))"
            return Hint(f"{pool}, or {parameter}={got} on {site.name}")
    title = f"set {parameter}={got} on {site.name}, or pass it {layer.wanted}"
    otherwise = None
    if giver[0] is not None and giver[1] is not None:
        fed = Change(giver[0], giver[1], str(layer.wanted), site, parameter)
        otherwise = ChangeArguments(
            f"pass {site.name} the {layer.wanted} it expects: {giver[1]}={layer.wanted} on {giver[0].name}",
            (fed,),
        )
    return ChangeArguments(title, (change,), otherwise=otherwise)


def _giver_of(node: Node, owner: ModuleCall) -> tuple[Site, str] | tuple[None, None]:
    """The layer that determines the input channels of a failing layer, and the parameter for them."""
    source = next(iter(node.activations), None)
    for step in reversed(path_between(None, source)[-10:] if source is not None else []):
        effect = step.effect
        if effect is not None and effect.channels is not None and effect.learned:
            return site_of(step, owner), width_name(effect)
    return None, None


def plan_other(fault: Fault) -> KeepBatch | Hint | None:
    """The fix for a batch dimension that was dropped by squeeze(); None for other failures."""
    squeeze = squeeze_of_batch(fault.node)
    if squeeze is None:
        return None
    title = "squeeze() also drops a batch of 1: use .flatten(1), or pass the dimension to drop"
    kept = batch_kept(squeeze)
    return replace(kept, title=title) if kept is not None else Hint(title)


_FLATTENS = frozenset({"view", "flatten", "reshape"})


def _behind(node: Node) -> list[Node]:
    return [n for n in path_between(None, node)[-6:-1] if n.function]
