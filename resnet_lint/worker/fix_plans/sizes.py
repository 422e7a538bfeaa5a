"""Fixes of spatial sizes: rounding, resizing, or an excess stride."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resnet_lint.graph.effects import Effect
from resnet_lint.graph.fix_plans import operand_index
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import path_between
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, Hint, ResizeToSkip
from resnet_lint.shared.records.places import Shape

from .evidence import Evidence, convolution_text, total_stride
from .paddings import full_padding


def strided_after_upsampling(e: Evidence) -> ChangeArguments | None:
    """A layer after an upsampling takes its stride too, so that the map is as small as before."""
    for layers, (own, other) in ((e.branch_layers, e.sizes), (e.shortcut_layers, e.sizes[::-1])):
        node = _last_strided(layers)
        if node is None or node.effect is None or not any(grows(effect) for _, effect in layers):
            continue
        if all(-(-o // step) == mine for mine, o, step in zip(own, other, node.effect.stride, strict=True)):
            title = f"keep the size after the upsampling: stride=1 on {e.name(node)}"
            return ChangeArguments(title, (Change(e.site(node), "stride", "1"),))
    return None


def _last_strided(layers: Sequence[tuple[Node, Effect]]) -> Node | None:
    """The last convolution with a stride after the last upsampling of a path."""
    for node, effect in reversed(layers):
        if grows(effect):
            return None
        if effect.sort == "convolution" and max(effect.stride) > 1:
            return node
    return None


def grows(effect: Effect) -> bool:
    """Whether a layer upsamples."""
    return effect.sort in ("transposed", "resize")


def upsampling_one_short(e: Evidence) -> ChangeArguments | None:
    """A transposed convolution gives slightly less than the size of the other operand."""
    for layers, (own, other) in ((e.branch_layers, e.sizes), (e.shortcut_layers, e.sizes[::-1])):
        transposed = [(node, effect) for node, effect in layers if effect.sort == "transposed"]
        if not transposed or not e.sizes_differ or _last_strided(layers) is not None:
            continue
        node, effect = transposed[-1]
        if all(0 <= o - mine <= 2 * max(effect.stride) for mine, o in zip(own, other, strict=True)):
            size = f"output_size=skip.shape[-{len(own)}:]"
            title = f"give {e.name(node)} output_padding=1, or pass the target size: {size}"
            return ChangeArguments(title, (Change(e.site(node), "output_padding", "1"),))
    return None


def upsampled_to_another_size(e: Evidence) -> ResizeToSkip | None:
    """An upsampled map differs from an odd size by the rounding before it: resize it to the other operand.

    It is unsafe if kernels on the way from the input take what they don't pad, which resizing would hide.
    """
    path = [node for end in (e.residual.branch, e.residual.shortcut) for node in path_between(None, end)]
    shrinks = any(node.effect is not None and shrinks_by_its_kernel(node.effect) for node in path)
    for side, layers in ((e.residual.branch, e.branch_layers), (e.residual.shortcut, e.shortcut_layers)):
        upsampling = [effect for _, effect in layers if grows(effect)]
        if upsampling and not e.channels_differ and is_rounded(upsampling[-1], *e.sizes):
            size = f"size=skip.shape[-{len(e.sizes[0])}:]"
            title = f"resize to the size of the other operand: {size} instead of scale_factor"
            if upsampling[-1].sort == "transposed":
                title = f"resize the upsampled map to the size of the other operand: F.interpolate(x, {size})"
            return ResizeToSkip(title, operand_index(e.fault.node, side), changes_results=shrinks)
    return None


def shrinks_by_its_kernel(effect: Effect) -> bool:
    """Whether a convolution with a kernel above 1x1 pads less than the kernel takes, even if only by a part."""
    if effect.sort != "convolution" or len(effect.padding) != len(effect.kernel):
        return False
    return any(padding < full for padding, full in zip(effect.padding, full_padding(effect), strict=True))


def is_rounded(upsampling: Effect, own: Shape, other: Shape) -> bool:
    """Whether two sizes differ by less than an upsampling multiplies: by what a stride before it rounded off."""
    factors = [
        max(after // before, 1) for before, after in zip(upsampling.before[2:], upsampling.after[2:], strict=True)
    ]
    differences = [abs(a - b) for a, b in zip(own, other, strict=True)]
    return any(differences) and all(d < factor for d, factor in zip(differences, factors, strict=True))


def floor_beside_ceil(e: Evidence) -> ChangeArguments | None:
    """A pooling layer on one side rounds an odd size down, and the strided layer on the other side rounds up."""
    sides = (("shortcut", "branch", e.shortcut_layers, 1), ("branch", "shortcut", e.branch_layers, -1))
    for low, high, layers, sign in sides:
        pools = [node for node, effect in layers if effect.sort == "pool" and effect.stride and max(effect.stride) > 1]
        if pools and e.sizes_differ and all(0 <= sign * (b - s) <= 1 for b, s in zip(*e.sizes, strict=True)):
            title = f"make the {low} round up like the {high}: ceil_mode=True on {e.name(pools[-1])}"
            return ChangeArguments(title, (Change(e.site(pools[-1]), "ceil_mode", "True"),))
    return None


def strided_twice(e: Evidence) -> ChangeArguments | None:
    """The branch has two strided layers, the shortcut only one: the later one keeps the size.

    Of a 1x1 and a wider convolution, it is the 1x1. If that comes first, both are common, so the fix is unsafe; a
    kernel of 1x3 skips as many pixels as one of 1x1. Of a pooling and a convolution, it is the convolution.
    """
    strided = [(n, x) for n, x in e.branch_layers if x.sort in ("convolution", "pool") and max(x.stride, default=1) > 1]
    if not e.shortcut_layers or len(strided) != 2 or not e.sizes_differ or e.channels_differ:
        return None
    own = total_stride(e.residual.shortcut_path, len(e.shortcut) - 2)
    if any(effect.stride != own for _, effect in strided):
        return None
    convolutions = [node for node, effect in strided if effect.sort == "convolution"]
    if len(convolutions) < 2:
        return _unstrided(e, convolutions[0], unclear=False) if convolutions else None
    first, last = ((node, min(effect.kernel) > 1) for node, effect in strided)
    if not last[1] or first[1]:
        return _unstrided(e, last[0], unclear=False)
    return replace(_unstrided(e, first[0], unclear=True), otherwise=_unstrided(e, last[0], unclear=True))


def _unstrided(e: Evidence, node: Node, unclear: bool) -> ChangeArguments:
    title = f"the branch strides twice, the shortcut once: stride=1 on {e.name(node)}"
    return ChangeArguments(title, (Change(e.site(node), "stride", "1"),), changes_results=unclear)


def upsampled_branch(e: Evidence) -> Hint | None:
    """The branch is larger than the input of the block: the shortcut has to be upsampled too."""
    pairs = list(zip(*e.sizes, strict=True))
    if (
        not any(grows(effect) for _, effect in e.branch_layers)
        or e.shortcut_layers
        or e.residual.fork is None
        or not all(b > s for b, s in pairs)
    ):
        return None
    factors = {b / s for b, s in pairs}
    grow = f"scale_factor={factors.pop():g}" if len(factors) == 1 else f"size={e.branch[2:]}"
    words = f"upsample the shortcut (nn.Upsample({grow}))"
    if e.channels_differ:
        words += f" and project it: {convolution_text(e.shortcut, e.branch, ())}"
    return Hint(words)
