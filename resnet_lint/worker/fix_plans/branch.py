"""Fixes of the residual branch, if the shortcut has the expected shape."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.graph.effects import Effect, layers_on
from resnet_lint.graph.fix_plans import is_layer
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import path_between, residual_at
from resnet_lint.graph.unused_numbers import takes_stride
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, Hint, Site

from .evidence import Evidence, is_projection, number_text, parameter_for, total_stride, width_name, widths
from .unread_number import overridden_block_stride


def odd_branch(e: Evidence) -> ChangeArguments | Hint | None:
    """The layers after the block accept the shape of the shortcut, but not that of the branch."""
    if e.trace.preferred_branch or e.residual.fork is None or not e.channels_differ:
        return None
    if not any(effect.learned for _, effect in e.branch_layers):
        return None
    why = "what follows expects the shortcut's shape, so the branch is wrong"
    return widened_branch(e, why, _projection_elsewhere(e))


def _projection_elsewhere(e: Evidence) -> Node | None:
    """The projection in another instance of the block, which shows the intended width of the branch."""
    for node in e.same_additions:
        other = residual_at(node)
        found = [n for n, x in layers_on(other.shortcut_path) if is_projection(e, n, x)] if other is not None else []
        if found:
            return found[-1]
    return None


def widened_branch(e: Evidence, why: str, like: Node | None) -> ChangeArguments | Hint:
    """Give the last layer of the branch, and the normalizations after it, the channels of the shortcut."""
    if not e.learned:
        return Hint(f"{why}: give its last layer {e.shortcut[e.channel_axis]} channels, like the shortcut")
    node, effect = e.learned[-1]
    width = e.shortcut[e.channel_axis]
    if effect.sort == "recurrent":
        return Hint(f"{why}: {_recurrent_width(node, width)} on {e.name(node)}, like the shortcut")
    like_effect = like.effect if like is not None else None
    if like is not None and like_effect is not None:
        copied: tuple[Site, str] | tuple[None, None] = (e.site(like), width_name(like_effect))
    else:
        copied = _input_of_branch(e, width)
    # If the sizes differ too, there is another fault, which the trace does not show.
    changes = () if e.sizes_differ else tuple(widths(e.owner, e.residual.branch_path, node, width, copied))
    title = f"{why}: {width_name(effect)}={width} on {e.name(node)}, like the shortcut"
    return ChangeArguments(title, changes) if changes else Hint(title)


def _input_of_branch(e: Evidence, width: int) -> tuple[Site, str] | tuple[None, None]:
    """The first layer of the branch and the argument for its input, if that has the width: `nn.Linear(dim, hidden)`."""
    first, effect = e.learned[0]
    module = first.known_call.module
    takes_it = effect.channels is not None and effect.channels[0] == width
    return (e.site(first), parameter_for(module)) if takes_it and is_layer(module) else (None, None)


def _recurrent_width(node: Node, width: int) -> str:
    """The argument that gives a recurrent layer this many features: `hidden_size=64` for 128 in two directions."""
    both = node.known_call.module.bidirectional
    return f"hidden_size={width // 2 if both else width}"


def unstrided_branch(e: Evidence) -> ChangeArguments | None:
    """The branch lacks a stride that the shortcut has: set it on the first kernel above 1x1, or the first layer.

    The branch may have it along other axes: a video block strides space in one layer and time in another.
    """
    strided = [n for n, x in e.shortcut_layers if x.stride and max(x.stride) > 1]
    own, wanted = e.branch_strides, total_stride(e.residual.shortcut_path, len(e.shortcut) - 2)
    if e.channels_differ or not strided:
        return None
    like = (e.site(strided[-1]), "stride") if max(own) == 1 else ()
    first, missing = lacking_stride(e.residual.fork, e.branch_layers, own, wanted, e.owner)
    if not first:
        return None
    changes = tuple(Change(e.site(n), "stride", missing, *like) for n in first)
    title = f"give the branch the stride of the shortcut: stride={missing} on {e.name(first[0])}"
    return ChangeArguments(title, changes)


def block_without_stride(e: Evidence) -> ChangeArguments | None:
    """The block is constructed with a stride of 1 beside that of its shortcut, and its layers are no convolutions."""
    is_larger = all(b > s for b, s in zip(*e.sizes, strict=True))
    return overridden_block_stride(e.owner) if is_larger and not e.channels_differ else None


def unlike_streams(e: Evidence) -> ChangeArguments | None:
    """Of two convolutions of the same kernel whose results are added, one has a stride and the other one has none.

    Other kernels are alike too if both are above 1x1 and the block has a stride for one of them.
    """
    ends = [layers[-1] for layers in (e.branch_layers, e.shortcut_layers) if layers]
    if len(ends) != 2 or e.channels_differ or any(effect.sort != "convolution" for _, effect in ends):
        return None
    (wide, wide_effect), (small, effect) = sorted(ends, key=lambda end: max(end[1].stride))
    both_wide = min(*wide_effect.kernel, *effect.kernel) > 1 and takes_stride(small.known_call, e.owner)
    alike = (wide_effect.kernel == effect.kernel or both_wide) and wide_effect.before[2:] == effect.before[2:]
    if not alike or max(wide_effect.stride) > 1 or max(effect.stride) == 1:
        return None
    change = Change(e.site(wide), "stride", number_text(effect.stride), e.site(small), "stride")
    title = f"give both streams the stride of {e.name(small)}: {change.in_words()}"
    return ChangeArguments(title, (change,))


def lacking_stride(
    fork: Node | None,
    path: Sequence[tuple[Node, Effect]],
    own: tuple[int, ...],
    wanted: tuple[int, ...],
    owner: ModuleCall,
) -> tuple[list[Node], str]:
    """The layers of a path that lack a stride which another path has, and that stride; none if it is not that.

    It is the layer for which the block has a stride, else the first kernel above 1x1, else the first layer; parallel
    convolutions, as in a selective kernel, need the same stride.
    """
    layers = [(n, x) for n, x in path if x.sort == "convolution"]
    if not layers or own == wanted or any(step not in (1, goal) for step, goal in zip(own, wanted, strict=True)):
        return [], ""
    missing = tuple(goal // step for step, goal in zip(own, wanted, strict=True))
    strided = [n for n, _ in layers if takes_stride(n.known_call, owner)]
    along = [n for n, x in layers if _is_wide_along(missing, x)]
    wide = [n for n in strided if n in along] or strided or along or [layers[0][0]]
    first = [n for n in wide if n.inputs and not any(o in path_between(fork, n)[:-1] for o in wide)]
    return first, number_text(missing)


def _is_wide_along(missing: tuple[int, ...], effect: Effect) -> bool:
    """Whether a kernel is larger than 1 along an axis that lacks a stride."""
    return any(size > 1 for size, step in zip(effect.kernel, missing, strict=True) if step > 1)
