"""Fixes of concatenations whose parts differ in other dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.graph.fix_plans import site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import path_between
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, FixPlan, Hint, ResizeToSkip
from resnet_lint.shared.records.places import Shape

from ..tracer.fault import Fault
from .evidence import number_text


def plan_concatenation(fault: Fault, owner: ModuleCall) -> FixPlan | None:
    """The fix for a failing concatenation: missing padding, or an odd size that was rounded."""
    shapes: tuple[Shape, ...] = fault.node.inputs
    if len({len(shape) for shape in shapes}) != 1 or len({shape[2:] for shape in shapes}) == 1:
        return None
    parts = list(fault.node.activations)
    unpadded = [fix_plan for part in parts if (fix_plan := _unpadded_part(part, shapes, owner)) is not None]
    if unpadded:
        return unpadded[0]
    upsampled = [index for index, part in enumerate(parts) if _was_upsampled(part)]
    title = (
        "resize the upsampled map to the size of the skip connection before concatenating: "
        "F.interpolate(x, size=skip.shape[-2:]), or pad it"
    )
    return ResizeToSkip(title, upsampled[-1]) if upsampled else Hint(title)


def _unpadded_part(part: Node, shapes: Sequence[Shape], owner: ModuleCall) -> ChangeArguments | None:
    """A part is smaller than another because the kernel of its last layer has no padding: set it."""
    for node in reversed(path_between(None, part)[-6:]):
        effect = node.effect
        if effect is None or effect.sort not in ("convolution", "pool") or not effect.kernel:
            continue
        full = tuple((kernel - 1) // 2 for kernel in effect.kernel)
        grown = tuple(
            size + 2 * (whole - padding) // stride
            for size, whole, padding, stride in zip(effect.after[2:], full, effect.padding, effect.stride, strict=True)
        )
        if effect.padding != full and grown in {shape[2:] for shape in shapes}:
            change = Change(site_of(node, owner), "padding", number_text(full))
            return ChangeArguments(
                f"keep the size of every part: padding={change.value} on {change.site.name}", (change,)
            )
        return None
    return None


def _was_upsampled(node: Node) -> bool:
    effects = [step.effect for step in path_between(None, node)[-6:]]
    return any(effect is not None and effect.sort in ("transposed", "resize") for effect in effects)
