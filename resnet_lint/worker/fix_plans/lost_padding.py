"""The fix for a convolution whose kernel is larger than its input, because it lost its padding."""

from __future__ import annotations

from dataclasses import replace

from resnet_lint.graph.effects import effect_of
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.fix_plans import is_layer, site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments

from .evidence import number_text
from .paddings import full_padding


def lost_padding(fault: Fault, owner: ModuleCall, trace: Trace) -> ChangeArguments | None:
    """Pad a convolution at stride 1 so that it keeps the size, as another one with such a kernel does."""
    node = fault.node
    if node.kind != "convolution" or not is_layer(node.known_call.module):
        return None
    effect = effect_of(replace(node, shape=node.inputs[0]))  # a call that fails has no shape
    if effect is None or any(effect.padding) or max(effect.stride) > 1:
        return None
    full = full_padding(effect)
    if any(d * (k - 1) % 2 for d, k in zip(effect.dilation, effect.kernel, strict=True)):
        return None
    others = [x for x in (n.effect for n in trace.nodes if n.kind == "convolution") if x is not None]
    alike = [x for x in others if sorted(x.kernel) == sorted(effect.kernel) and max(x.stride) == 1]
    if not any(x.padding == full_padding(x) for x in alike):
        return None
    change = Change(site_of(node, owner), "padding", number_text(full))
    return ChangeArguments(f"keep the size of the input: {change.in_words()}", (change,))
