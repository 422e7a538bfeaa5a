"""Fixes of the shortcut: correct, use, pass or add a projection, or restrict the addition."""

from __future__ import annotations

import inspect
import linecache
import math
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from resnet_lint.graph.fix_plans import operand_index, shortcut_to_use
from resnet_lint.graph.node import Node
from resnet_lint.shared import vocabulary
from resnet_lint.shared.records.fix_plans import (
    Change,
    ChangeArguments,
    FixPlan,
    Hint,
    NarrowFlag,
    NarrowTest,
    PadShortcut,
    Projection,
    ProjectShortcut,
    UseShortcut,
)

from .branch import unstrided_branch, widened_branch
from .evidence import (
    Evidence,
    convolution_text,
    is_projection,
    number_text,
    total_stride,
    width_name,
    widths,
)
from .flags import guarding_flags, guarding_test
from .unread_number import overridden_block_stride


def existing_shortcut(e: Evidence) -> FixPlan | None:
    """The block has a projection: correct it, or the branch, rather than add a second one."""
    projections = [(node, effect) for node, effect in e.shortcut_layers if is_projection(e, node, effect)]
    if not projections or e.residual.fork is None:
        return None
    node, effect = projections[-1]
    if not e.trace.preferred_branch and e.channels_differ:
        return widened_branch(e, "the branch is wrong", node)
    changes: list[Change] = []
    if e.channels_differ and e.learned:
        like = e.site(e.learned[-1][0]), width_name(e.learned[-1][1])
        changes += widths(e.owner, e.residual.shortcut_path, node, e.branch[e.channel_axis], like)
    own = total_stride(e.residual.shortcut_path, len(e.shortcut) - 2)
    strides_differ = e.sizes_differ and own != e.branch_strides  # else they differ by rounding
    if strides_differ and own != effect.stride and all(o % b == 0 for o, b in zip(own, e.branch_strides, strict=True)):
        # The shortcut pools with the stride of the branch, and its projection has a stride too.
        once = tuple(s * b // o for s, b, o in zip(effect.stride, e.branch_strides, own, strict=True))
        changes += [Change(e.site(node), "stride", number_text(once))] if all(once) else []
    elif strides_differ and math.prod(effect.kernel) == 1 and e.branch_strides != effect.stride:
        strided = [n for n, x in e.branch_layers if x.stride and max(x.stride) > 1]
        like_strided = e.site(strided[-1]) if strided and _strides_in_parallel(e, strided) else None
        # If the shortcut pools before its projection, or convolves neighbours, that layer needs the stride.
        wide = [n for n, x in e.shortcut_layers if x.sort == "pool" or math.prod(x.kernel) > 1]
        changes.append(
            Change(e.site((wide or [node])[-1]), "stride", number_text(e.branch_strides), like_strided, "stride")
        )
    words = ", ".join(change.in_words() for change in changes)
    title = f"fix the existing shortcut: {words}"
    fix_plan = ChangeArguments(title, tuple(changes)) if changes else None
    # If only the shortcut has a stride, that of the branch is missing; without it, the block would keep the size.
    unstrided = unstrided_branch(e)
    if unstrided is None:
        return fix_plan
    unstrided = replace(unstrided, otherwise=replace(fix_plan, changes_results=True) if fix_plan is not None else None)
    of_block = overridden_block_stride(e.owner)
    return replace(of_block, otherwise=unstrided) if of_block is not None else unstrided


def padded_shortcut(e: Evidence) -> PadShortcut | None:
    """The shortcut takes every other pixel and pads the channels with zeros (option A of He et al. 2015)."""
    pads = [node for node in e.residual.shortcut_path if node.function == "pad" and node.point is not None]
    if not pads or not e.learned or any(effect.learned for _, effect in e.shortcut_layers):
        return None
    words = []
    if e.channels_differ:
        words.append(f"pad it from {pads[-1].inputs[0][e.channel_axis]} to {e.branch[e.channel_axis]} channels")
    if e.sizes_differ and max(e.missing_stride) > 1:
        words.append(f"take every pixel at a step of {number_text(e.missing_stride)}")
    title = f"fix the existing shortcut: {' and '.join(words)}"
    return PadShortcut(title, pads[-1].known_point.span, _projection(e)) if words else None


def _strides_in_parallel(e: Evidence, strided: Sequence[Node]) -> bool:
    """Whether the stride of the branch comes from a single layer, or from several parallel ones."""
    effects = [node.effect for node in strided]
    return all(effect is not None and effect.stride == e.branch_strides for effect in effects)


def generous_flag(e: Evidence) -> FixPlan | None:
    """The addition is guarded by a flag (`if self.use_res`) that is true too often: restrict it, innermost first."""
    if e.shortcut_layers:
        return None
    span, wanted = e.fault.point.span, "stride 1 and equal channels"
    plan: FixPlan | None = None
    for flag in reversed(guarding_flags("".join(linecache.getlines(span.path)), span)):
        title = f"add the input only where the shapes match: restrict self.{flag} to {wanted}"
        plan = NarrowFlag(title, flag, _projection(e), otherwise=plan) if e.learned else Hint(title, otherwise=plan)
    return plan


def generous_test(e: Evidence) -> NarrowTest | None:
    """The addition is guarded by a comparison (`if self.stride == 1:`) that is true too often: restrict it."""
    span = e.fault.point.span
    test = guarding_test(span.path, "".join(linecache.getlines(span.path)), span)
    if e.shortcut_layers or not e.learned or test is None:
        return None
    return NarrowTest("add the input only where the shapes match: restrict the test around it", test, _projection(e))


def unused_shortcut(e: Evidence) -> UseShortcut | None:
    """The block has a projection but adds its bare input: use the projection."""
    for name, module in e.owner.module.named_children():
        if not vocabulary.SHORTCUT_LAYER.search(name) or isinstance(module, nn.Identity) or e.shortcut_layers:
            continue
        called = any(call.module is module for call in e.trace.calls)
        if not called and e.learned:
            return shortcut_to_use(name, e.residual)
    return None


def missing_downsample(e: Evidence) -> ProjectShortcut | None:
    """The block takes its shortcut from the caller, which passes none: pass one."""
    text = _projection_text(e)
    for name in vocabulary.MODULES:
        missing = name in vars(e.owner.module) and vars(e.owner.module)[name] is None
        if missing and name in inspect.signature(type(e.owner.module)).parameters and not e.shortcut_layers and text:
            title = (
                f"pass {name}={text} where the block is constructed, or let the block construct its own when it is None"
            )
            return ProjectShortcut(title, _projection(e))
    return None


def projected(e: Evidence) -> ProjectShortcut | None:
    """There is no other explanation: add a projection to the shape of the branch."""
    text = _projection_text(e)
    if text is None:
        return None
    streams = e.residual.fork is None or bool(e.shortcut_layers)
    what = "one of the two streams" if streams else "the shortcut"
    return ProjectShortcut(f"project {what}: {text}", _projection(e))


def _projection_text(e: Evidence) -> str | None:
    """The source of the projection; None if the strides of the branch don't give its size."""
    last = next((effect for _, effect in reversed(e.branch_layers) if effect.learned), None)
    if last is None or len(e.branch) != len(e.shortcut) or e.branch[0] != e.shortcut[0]:
        return None
    if e.channel_axis != 1 or last.is_of_features:
        return None if e.sizes_differ else f"nn.Linear({e.shortcut[-1]}, {e.branch[-1]}, bias=False)"
    strides = e.missing_stride
    if any(math.ceil(s / stride) != b for b, s, stride in zip(*e.sizes, strides, strict=True)):
        return None
    return convolution_text(e.shortcut, e.branch, strides)


def _projection(e: Evidence) -> Projection:
    linear = e.channel_axis != 1 or e.learned[-1][1].is_of_features
    # A normalization before the last layer (pre-activation) does not imply one after the projection.
    after = e.residual.branch_path[e.residual.branch_path.index(e.learned[-1][0]) :]
    norms = [node for node in after if node.kind in ("channel norm", "last norm")]
    return Projection(
        operand_index(e.fault.node, e.residual.shortcut),
        (e.shortcut[e.channel_axis], e.branch[e.channel_axis]),
        () if linear else e.missing_stride,
        0 if linear else len(e.branch) - 2,
        tuple(e.site(node) for node, _ in e.learned),
        e.site(norms[-1]) if norms else None,
        any(node not in e.faulty for node in e.same_additions),
    )
