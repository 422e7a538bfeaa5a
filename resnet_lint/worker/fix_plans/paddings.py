"""Fixes of paddings that make one side of an addition smaller or larger than the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from resnet_lint.graph.effects import Effect
from resnet_lint.graph.node import Node
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments
from resnet_lint.shared.records.places import Shape

from .evidence import Evidence, number_text

_Layers = Sequence[tuple[Node, Effect]]


def wrong_padding(e: Evidence) -> ChangeArguments | None:
    """The branch or the shortcut shrinks or grows by its kernels: padding is missing, or there is too much.

    If one kernel has too much and another too little, the first one is causal.
    """
    if not e.sizes_differ:
        return None
    own, other = e.sizes
    sides = (
        ("branch", e.branch_layers, other),
        ("shortcut", e.shortcut_layers, own),
    )
    for side, layers, wanted in sides:
        odd = [(node, effect) for node, effect in layers if _is_padded_wrongly(effect)]
        if len({_pads_too_much(effect) for _, effect in odd}) != 1 or size_with_full_padding(layers) != wanted:
            continue
        changes = tuple(Change(e.site(node), "padding", number_text(full_padding(effect))) for node, effect in odd)
        words = ", ".join(change.in_words() for change in changes)
        return ChangeArguments(f"keep the size of the {side}: {words}", changes)
    return _padded_too_much(e)


def _padded_too_much(e: Evidence) -> ChangeArguments | None:
    """Both sides grow by their padding, as parallel branches with one helper do: with less, their sizes are equal."""
    sides = (e.branch_layers, e.shortcut_layers)
    odd = [(node, effect) for layers in sides for node, effect in layers if _is_padded_wrongly(effect)]
    grows = [min(effect.padding) > max(full_padding(effect)) for _, effect in odd]
    sizes = [size_with_full_padding(layers) if layers else None for layers in sides]
    if not odd or not all(grows) or sizes[0] is None or sizes[0] != sizes[1]:
        return None
    changes = tuple(Change(e.site(node), "padding", number_text(full_padding(effect))) for node, effect in odd)
    words = ", ".join(dict.fromkeys(change.in_words() for change in changes))
    return ChangeArguments(f"keep the size of both sides: {words}", changes)


def padding_unlike_sibling(e: Evidence) -> ChangeArguments | None:
    """A layer of the branch lacks the padding of the others with its kernel: a causal one that is cut off later."""
    wide = [(n, x) for n, x in e.branch_layers if x.sort == "convolution" and max(x.kernel) > 1]
    paddings = Counter((x.kernel, x.dilation, x.stride, x.padding) for _, x in wide)
    odd = [(n, x) for n, x in wide if not any(x.padding)]
    if len(odd) != 1 or len(wide) < 2 or len(paddings) != 2:
        return None
    node, effect = odd[0]
    kernel, dilation, stride, padding = next(key for key in paddings if any(key[-1]))
    if (effect.kernel, effect.dilation, effect.stride) != (kernel, dilation, stride) or max(stride) > 1:
        return None
    if len(padding) != len(e.sizes[0]) or any(b + 2 * p != s for b, s, p in zip(*e.sizes, padding, strict=True)):
        return None
    sibling = next(n for n, x in wide if x.padding == padding)
    change = Change(e.site(node), "padding", number_text(padding), e.site(sibling), "padding")
    return ChangeArguments(f"pad {e.name(node)} like {e.name(sibling)}: {change.in_words()}", (change,))


def _is_padded_wrongly(effect: Effect) -> bool:
    return effect.sort == "convolution" and effect.padding != full_padding(effect)


def _pads_too_much(effect: Effect) -> bool:
    return any(own > full for own, full in zip(effect.padding, full_padding(effect), strict=False))


def full_padding(effect: Effect) -> tuple[int, ...]:
    """The padding that keeps the size at stride 1, for odd kernels; a pool has no dilation."""
    dilation = effect.dilation or (1,) * len(effect.kernel)
    return tuple(d * (k - 1) // 2 for d, k in zip(dilation, effect.kernel, strict=True))


def size_with_full_padding(layers: _Layers) -> Shape | None:
    """The size that the result of some layers has with full padding; None if one of their kernels has none."""
    odd = [effect for _, effect in layers if _is_padded_wrongly(effect)]
    if not all(map(_has_full_padding, odd)):
        return None
    sizes = layers[0][1].before[2:]
    for _, effect in layers:
        sizes = _size_after(effect, sizes)
    return sizes


def _size_after(effect: Effect, sizes: Shape) -> Shape:
    """The size that a layer makes of another input, if its kernel is fully padded."""
    axes = len(sizes)
    if effect.sort == "convolution" and len(effect.stride) == axes:
        return tuple((size - 1) // stride + 1 for size, stride in zip(sizes, effect.stride, strict=True))
    if effect.sort == "pool" and len(effect.stride) == axes:
        windows = zip(sizes, effect.kernel, effect.padding, effect.stride, strict=True)
        return tuple((size + 2 * padding - kernel) // stride + 1 for size, kernel, padding, stride in windows)
    pairs = list(zip(sizes, effect.before[2:], effect.after[2:], strict=True))
    if effect.sort == "transposed":
        steps = zip(pairs, effect.stride, strict=True)
        return tuple(after + (size - before) * step for (size, before, after), step in steps)
    if effect.sort == "resize":
        return tuple(size * (after // before) if after % before == 0 else after for size, before, after in pairs)
    return sizes


def _has_full_padding(effect: Effect) -> bool:
    """Whether some padding keeps the size: that of an even kernel would have to be half a pixel."""
    return all(d * (k - 1) % 2 == 0 for d, k in zip(effect.dilation, effect.kernel, strict=True))
