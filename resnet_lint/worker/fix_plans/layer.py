"""Fixes of layers with the wrong number of input channels, and of a few other failures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from resnet_lint.graph.additions import behind_plain_calls
from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.fault import Fault, Layer
from resnet_lint.graph.feature_axes import is_map
from resnet_lint.graph.fix_plans import batch_kept, is_layer, site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import depends_on, path_between
from resnet_lint.graph.squeezed_batch import squeeze_of_batch
from resnet_lint.shared.records.fix_plans import (
    Change,
    ChangeArguments,
    FixPlan,
    FlattenInput,
    Hint,
    KeepBatch,
    Site,
    SwapWidths,
)
from resnet_lint.shared.records.places import Shape

from .axes_of_input import axes_hint
from .evidence import parameter_for, width_name
from .first_layer import replaced_first_layer
from .lost_factor import lost_its_factor
from .unread_number import restored_argument, restored_stride


def plan_layer(
    fault: Fault, owner: ModuleCall, faults: Sequence[Fault] = (), join: str | None = None, norm_fits: bool = False
) -> FixPlan | None:
    """The fix for a layer with the wrong number of input channels or features, or that needs its input flattened.

    `faults` are all faults of the trace. `join` is the kind of a failing join before the layer: then the layer is never
    changed, but the operand of an addition may be, as this may correct both. `norm_fits` is whether what follows a
    failing normalization expects its channels, so that the layer before it is wrong.
    """
    shape = fault.node.inputs[0]
    layer = fault.layer
    call: ModuleCall = fault.node.known_call
    if layer is None or not is_layer(call.module) or len(shape) < 2:
        return None
    if (hint := axes_hint(fault, parameter_for(call.module))) is not None:
        return Hint(hint)
    if layer.dimension == -1 and len(shape) > 2 and is_map(fault.node.sources[0]):
        return _plan_map(fault, owner, layer.wanted)
    start = _flattened_from(shape, layer) if join is None else None
    if start is not None:
        site = site_of(fault.node, owner)
        at_call = behind_plain_calls(fault.node.sources[0]) in _passed_at(fault)
        return FlattenInput(f"flatten the input of {site.name}: torch.flatten(x, {start})", site, at_call, start)
    plan = _plan_widths(fault, owner, layer, faults, join, norm_fits)
    flattened = _flattened_before(fault.node) if shape[layer.dimension] > layer.wanted else None
    unstrided = restored_stride(path_between(None, flattened), owner) if flattened is not None else None
    plan = replace(unstrided, otherwise=plan) if unstrided is not None else plan
    restored = restored_argument(path_between(None, fault.node), owner)
    return replace(restored, otherwise=plan) if restored is not None else plan


def _plan_widths(
    fault: Fault, owner: ModuleCall, layer: Layer, faults: Sequence[Fault], join: str | None, norm_fits: bool
) -> FixPlan:
    """The fix for two layers whose widths differ; see `plan_layer`."""
    change, fed = _changes(fault, owner, layer)
    site, parameter, got = change.site, change.argument, change.value
    flattened = _flattened_before(fault.node)
    if layer.dimension == -1 and flattened is not None and len(flattened.inputs[0]) == 4:
        channels = flattened.inputs[0][1]
        if channels == layer.wanted:
            pool = "pool to 1x1 before flattening: nn.AdaptiveAvgPool2d((1, 1))"
            return Hint(f"{pool}, or {parameter}={got} on {site.name}")
    replaced = replaced_first_layer(fault)
    if replaced is not None:
        return replaced
    if any(_is_of_swapped(fault, other) for other in faults):
        return Hint("fix the failing layer first, whose widths are swapped")
    otherwise = None
    if fed is not None:
        title = f"pass {site.name} the {layer.wanted} it expects: {fed.in_words()}"
        otherwise = ChangeArguments(title, (fed,))
    if any(_is_of_swapped(other, fault) for other in faults):
        title = f"swap the widths of {site.name}: {parameter}={got}, {site.name} gives {layer.wanted}"
        return SwapWidths(title, site, otherwise=otherwise)
    if join is not None:
        first = Hint(f"fix the failing {join} first, whose result is only assumed here")
        return otherwise if otherwise is not None and join == "addition" else first
    plan = ChangeArguments(f"set {parameter}={got} on {site.name}, or pass it {layer.wanted}", (change,))
    # A normalization at the start of a block fits the block in any case, and says nothing about what comes before.
    fits = norm_fits and parameter == "num_features" and not change.outside
    fed_first = fits or lost_its_factor(_giver_of(fault.node), fault.node)
    if otherwise is not None and fed_first:
        return replace(otherwise, otherwise=plan)
    return replace(plan, otherwise=otherwise)


def _changes(fault: Fault, owner: ModuleCall, layer: Layer) -> tuple[Change, Change | None]:
    """The two ways to make widths agree: another input of the failing layer, or another output of the one before it."""
    call: ModuleCall = fault.node.known_call
    site, parameter = site_of(fault.node, owner), parameter_for(call.module)
    got = str(fault.node.inputs[0][layer.dimension])
    step = _giver_of(fault.node)
    if step is None or step.effect is None:
        return Change(site, parameter, got), None
    giver, width = site_of(step, owner), width_name(step.effect)
    outside = not _is_inside(giver, owner)
    levels = [_common_level(one, fault.node, step) if outside else 0 for one in (site, giver)]
    change = Change(site, parameter, got, giver, width, outside=outside, common=levels[0])
    return change, Change(giver, width, str(layer.wanted), site, parameter, outside=outside, common=levels[1])


def _is_of_swapped(fault: Fault, swapped: Fault) -> bool:
    """Whether a layer gets too much or too little because a failing layer before it has swapped widths.

    That layer gets as many channels as it gives, and the difference between both is what is wrong here.
    """
    effect = swapped.node.effect
    if fault.point.span == swapped.point.span:  # the same layer of the next block, which fails alike
        return False
    if fault.layer is None or swapped.layer is None or effect is None or not effect.learned:
        return False
    got = swapped.node.inputs[0][swapped.layer.dimension]
    excess = fault.node.inputs[0][fault.layer.dimension] - fault.layer.wanted
    is_swapped = effect.channels is not None and effect.channels[1] == got
    return is_swapped and excess == got - swapped.layer.wanted and depends_on(fault.node, swapped.node)


def _plan_map(fault: Fault, owner: ModuleCall, wanted: int) -> FlattenInput | Hint:
    """A linear layer gets a map: the flatten is missing, or a pool and a flatten."""
    shape, site = fault.node.inputs[0], site_of(fault.node, owner)
    features = math.prod(shape[1:])
    pixels = wanted // shape[1]
    if features == wanted or (wanted == shape[1] * pixels and (pixels > 1 or _is_pooled_at_the_end(fault.node))):
        title = f"flatten the input of {site.name}: torch.flatten(x, 1)"
        if features != wanted:  # the size of the input is a guess, and the layer tells another one
            title += f"; {wanted} features fit {pixels} pixel{'s' if pixels > 1 else ''}, this map needs {features}"
        return FlattenInput(title, site, behind_plain_calls(fault.node.sources[0]) in _passed_at(fault))
    flatten = f"flatten it: torch.flatten(x, 1) and in_features={features} on {site.name}"
    if shape[1] == wanted:
        return Hint(
            f"pool the map to 1x1 and flatten it: nn.AdaptiveAvgPool2d(1) and torch.flatten(x, 1), or {flatten}"
        )
    return Hint(flatten)


def _flattened_from(shape: Shape, layer: Layer) -> int | None:
    """The axis from which on the axes of an input have the wanted features together, as those of heads have."""
    starts = range(1, len(shape) - 1) if layer.dimension == -1 else ()
    return next((start for start in starts if math.prod(shape[start:]) == layer.wanted), None)


def _is_pooled_at_the_end(node: Node) -> bool:
    """Whether an average pooling of a fixed kernel comes last: for the model's input size, it gives a single pixel."""
    for step in reversed(path_between(None, node.sources[0])[-4:]):
        if step.kind == "pool":
            return step.function.startswith("avg_pool")
        if step.learned:
            return False
    return False


def _passed_at(fault: Fault) -> tuple[Node, ...]:
    """What gives the tensors that the failing expression passes to the layer, or to the module that holds it."""
    called = [call for call in fault.node.known_call.with_callers() if call.caller == fault.point]
    return tuple(behind_plain_calls(node) for node in called[-1].inputs) if called else ()


def _is_inside(giver: Site, owner: ModuleCall) -> bool:
    """Whether a layer belongs to a module, or to no other instance of its class."""
    return any(True for path, _ in owner.module.named_modules() if path == giver.name)


def _common_level(site: Site, one: Node, other: Node) -> int:
    """The first of the calls that constructed a layer in the constructor of the innermost user's module around both."""
    callers = set(one.known_call.with_callers())
    around = (call for call in other.known_call.with_callers() if call in callers and not call.is_torchs)
    built = next((built for call in around if (built := built_of(call.module)) is not None), None)
    return max(len(site.calls) - len(built.chain) - 1, 0) if built is not None else len(site.calls)


def _giver_of(node: Node) -> Node | None:
    """The layer that determines the input channels of a failing layer."""
    source = next(iter(node.activations), None)
    for step in reversed(path_between(None, source)[-10:] if source is not None else []):
        effect = step.effect
        if effect is not None and effect.channels is not None and effect.learned:
            return step
    return None


def plan_other(fault: Fault) -> KeepBatch | Hint | None:
    """The fix for a batch dimension that was dropped by squeeze(); None for other failures."""
    squeeze = squeeze_of_batch(fault.node)
    if squeeze is None:
        return None
    title = "squeeze() also drops a batch of 1: use .flatten(1), or pass the dimension to drop"
    kept = batch_kept(squeeze)
    return replace(kept, title=title) if kept is not None else Hint(title)


_FLATTENS = frozenset({"view", "flatten", "reshape"})


def _flattened_before(node: Node) -> Node | None:
    """The call that flattened the input of a layer, if no other layer is between them."""
    for step in reversed(path_between(None, node)[-6:-1]):
        if step.effect is not None and step.effect.learned:
            return None
        if step.spelling in _FLATTENS:
            return step
    return None
