"""Fixes of concatenations whose parts differ in other dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from resnet_lint.graph.effects import Effect, layers_on
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.fix_plans import site_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import fork_of, path_between
from resnet_lint.shared.records.fix_plans import Change, ChangeArguments, CropOperand, FixPlan, Hint, ResizeToSkip
from resnet_lint.shared.records.places import Shape

from .branch import lacking_stride
from .evidence import number_text, total_stride
from .paddings import full_padding, size_with_full_padding
from .sizes import is_rounded, shrinks_by_its_kernel
from .unread_number import unread_number_first


def plan_concatenation(fault: Fault, owner: ModuleCall) -> FixPlan | None:
    """The fix for a failing concatenation: missing padding, or an odd size that was rounded."""
    shapes: tuple[Shape, ...] = fault.node.inputs
    if len({len(shape) for shape in shapes}) != 1 or len({shape[2:] for shape in shapes}) == 1:
        return None
    parts = list(fault.node.activations)
    fork = fork_of(parts[0], parts[-1]) if parts else None
    plan = _plan_sizes(parts, fork, shapes, owner)
    return unread_number_first(plan, [node for part in parts for node in path_between(fork, part)], owner)


def _plan_sizes(parts: Sequence[Node], fork: Node | None, shapes: Sequence[Shape], owner: ModuleCall) -> FixPlan | None:
    """The fix for parts of different sizes that have the strides that they should have."""
    repadded = _odd_one_repadded(parts, owner)
    repadded = repadded or next((plan for part in parts if (plan := _repadded(part, shapes, owner)) is not None), None)
    repadded = repadded or _all_repadded(parts, fork, owner) or _padded_like_the_others(parts, fork, owner)
    if repadded is not None:
        return repadded
    unstrided = _unstrided(parts, owner)
    if unstrided is not None:
        return unstrided
    upsampled_less = next((plan for part in parts if (plan := _upsampled_less(part, shapes, owner)) is not None), None)
    if upsampled_less is not None:
        return upsampled_less
    cropped = _cropped(parts, shapes)
    if cropped is not None:
        return cropped
    upsampled = [index for index, part in enumerate(parts) if _is_upsampled_past(part, shapes)]
    title = (
        "resize the upsampled map to the size of the skip connection before concatenating: "
        "F.interpolate(x, size=skip.shape[-2:]), or pad it"
    )
    if upsampled:
        effects = [node.effect for part in parts for node in path_between(None, part)]
        shrinks = any(effect is not None and shrinks_by_its_kernel(effect) for effect in effects)
        return ResizeToSkip(title, upsampled[-1], changes_results=shrinks)
    return Hint(title) if any(map(_upsampling_behind, parts)) else None


def _odd_one_repadded(parts: Sequence[Node], owner: ModuleCall) -> ChangeArguments | None:
    """All parts but one have the same size, which that one has if a single layer of it keeps its size."""
    sizes = Counter(part.known_shape[2:] for part in parts)
    (wanted, number), *others = sizes.most_common()
    odd = [part for part in parts if part.known_shape[2:] != wanted]
    if number < 2 or len(others) != 1 or len(odd) != 1:
        return None
    layers = layers_on(path_between(fork_of(odd[0], next(part for part in parts if part is not odd[0])), odd[0]))
    convolutions = [node for node, effect in layers if effect.sort == "convolution"]
    fitting = [node for node in convolutions if _size_with(node, layers) == wanted]
    if len(fitting) != 1:
        return None
    effect = fitting[0].effect
    assert effect is not None
    change = Change(site_of(fitting[0], owner), "padding", number_text(full_padding(effect)))
    return ChangeArguments(f"keep the size of every part: {change.in_words()}", (change,))


def _size_with(padded: Node, layers: Sequence[tuple[Node, Effect]]) -> Shape | None:
    """The output size of some layers if `padded` had full padding; None unless all are convolutions or pools."""
    sizes = layers[0][1].before[2:]
    for node, effect in layers:
        if effect.sort not in ("convolution", "pool") or len(effect.kernel) != len(sizes):
            return None
        full = full_padding(effect)
        padding = full if node is padded else effect.padding
        axes = zip(sizes, full, padding, effect.stride, strict=True)
        sizes = tuple((size + 2 * (pad - kept) - 1) // step + 1 for size, kept, pad, step in axes)
    return sizes


def _repadded(part: Node, shapes: Sequence[Shape], owner: ModuleCall) -> ChangeArguments | None:
    """The padding of a part's convolutions makes it smaller or larger than another part: correct it."""
    changes: list[Change] = []
    sizes = part.known_shape[2:]
    for node in reversed(path_between(None, part)[-12:]):
        effect = node.effect
        if effect is None or effect.sort == "other":
            continue
        if effect.sort not in ("convolution", "pool") or not effect.kernel:
            return None
        full = full_padding(effect)
        if effect.padding != full:
            changes.append(Change(site_of(node, owner), "padding", number_text(full)))
            lost = [2 * (f - p) // s for f, p, s in zip(full, effect.padding, effect.stride, strict=True)]
            sizes = tuple(size + less for size, less in zip(sizes, lost, strict=True))
        if changes and sizes in {shape[2:] for shape in shapes}:
            words = ", ".join(change.in_words() for change in changes)
            return ChangeArguments(f"keep the size of every part: {words}", tuple(changes))
        if max(effect.stride, default=1) > 1:
            return None
    return None


def _all_repadded(parts: Sequence[Node], fork: Node | None, owner: ModuleCall) -> ChangeArguments | None:
    """The convolutions of all parts lack padding: with it, every part has the size of their common input."""
    paths = [layers_on(path_between(fork, part)) for part in parts]
    layers = list(dict.fromkeys(layer for path in paths for layer in path))
    if fork is None or any(x.sort != "convolution" or max(x.stride) > 1 for _, x in layers) or not all(paths):
        return None
    lacking = [(node, full_padding(x)) for node, x in layers if x.padding != full_padding(x)]
    changes = tuple(Change(site_of(node, owner), "padding", number_text(full)) for node, full in lacking)
    even = any(d * (k - 1) % 2 for _, x in layers for d, k in zip(x.dilation, x.kernel, strict=True))
    words = ", ".join(change.in_words() for change in changes)
    return ChangeArguments(f"keep the size of every part: {words}", changes) if changes and not even else None


def _padded_like_the_others(parts: Sequence[Node], fork: Node | None, owner: ModuleCall) -> ChangeArguments | None:
    """A level of a U-Net, whose other convolutions pad: with padding in all of them, its parts have the same size.

    Where the skip connection lacks it too, they have it from the input of the model on.
    """
    for start in dict.fromkeys((fork, None)):
        paths = [layers_on(path_between(start, part)) for part in parts]
        pairs = zip(parts, paths, strict=True)
        sizes = {size_with_full_padding(path) if path else part.known_shape[2:] for part, path in pairs}
        wide = dict((n, x) for path in paths for n, x in path if x.sort == "convolution" and max(x.kernel) > 1)
        lacking = {node: full_padding(x) for node, x in wide.items() if not any(x.padding)}
        padded = [x for x in wide.values() if x.padding == full_padding(x)]
        if len(sizes) == 1 and None not in sizes and lacking and padded and len(lacking) + len(padded) == len(wide):
            changes = tuple(
                Change(site_of(node, owner), "padding", number_text(full)) for node, full in lacking.items()
            )
            words = ", ".join(dict.fromkeys(change.in_words() for change in changes))
            return ChangeArguments(f"keep the size of every part: {words}", changes)
    return None


def _upsampled_less(part: Node, shapes: Sequence[Shape], owner: ModuleCall) -> ChangeArguments | None:
    """A transposed convolution with another stride would give the size of the other part."""
    node = next(
        (n for n in reversed(path_between(None, part)[-6:]) if n.effect and n.effect.sort == "transposed"), None
    )
    effect = node.effect if node is not None else None
    others = {shape[2:] for shape in shapes} - {part.known_shape[2:]}
    if node is None or effect is None or len(others) != 1:
        return None
    before, wanted = effect.before[2:], others.pop()
    factors = {large // small for small, large in zip(before, wanted, strict=True)}
    if len(factors) != 1 or any(large % small for small, large in zip(before, wanted, strict=True)):
        return None
    factor = factors.pop()
    sizes = tuple(
        after + (size - 1) * (factor - step)
        for after, size, step in zip(effect.after[2:], before, effect.stride, strict=True)
    )
    if sizes != wanted or max(effect.stride) == factor:
        return None
    change = Change(site_of(node, owner), "stride", str(factor))
    return ChangeArguments(f"upsample to the size of the skip connection: {change.in_words()}", (change,))


def _unstrided(parts: Sequence[Node], owner: ModuleCall) -> ChangeArguments | None:
    """Of two parts with the same input, one keeps its size and the other has a stride, as in ShuffleNet."""
    if len(parts) != 2 or parts[0] is parts[1] or (fork := fork_of(*parts)) is None:
        return None
    axes = len(parts[0].known_shape) - 2
    paths = [path_between(fork, part) for part in parts]
    strides = [total_stride(path, axes) for path in paths]
    for own, other in ((0, 1), (1, 0)):
        sizes = zip(parts[own].known_shape[2:], parts[other].known_shape[2:], strides[other], strict=True)
        if max(strides[own]) > 1 or any(-(-size // step) != smaller for size, smaller, step in sizes):
            continue
        first, missing = lacking_stride(fork, layers_on(paths[own]), strides[own], strides[other], owner)
        if first:
            sites = [site_of(node, owner) for node in first]
            title = f"give both parts the same stride: stride={missing} on {sites[0].name}"
            return ChangeArguments(title, tuple(Change(site, "stride", missing) for site in sites))
    return None


def _cropped(parts: Sequence[Node], shapes: Sequence[Shape]) -> CropOperand | None:
    """The larger of two maps loses a margin, if the convolutions of the network do without padding (U-Net).

    Then the margin does not depend on the size of the input. It is unsafe, because all padding may have been forgotten.
    """
    if len(parts) != 2 or parts[0] is parts[1]:
        return None
    large = 0 if sum(shapes[0][2:]) > sum(shapes[1][2:]) else 1
    margins = [a - b for a, b in zip(shapes[large][2:], shapes[1 - large][2:], strict=True)]
    behind = {node for part in parts for node in path_between(None, part)}
    wide = [x for x in (n.effect for n in behind) if x is not None and x.sort == "convolution" and max(x.kernel) > 1]
    if not wide or any(max(effect.padding, default=0) > 0 for effect in wide) or min(margins) <= 0:
        return None
    if any(margin % 2 for margin in margins):
        return None
    title = "crop the skip connection to the size of the upsampled map, because the convolutions do not pad"
    return CropOperand(title, large, tuple(margin // 2 for margin in margins), changes_results=True)


def _is_upsampled_past(part: Node, shapes: Sequence[Shape]) -> bool:
    """Whether a part was upsampled, and misses the size of another one by what rounding took."""
    upsampling, others = _upsampling_behind(part), {shape[2:] for shape in shapes} - {part.known_shape[2:]}
    return upsampling is not None and all(is_rounded(upsampling, part.known_shape[2:], other) for other in others)


def _upsampling_behind(node: Node) -> Effect | None:
    effects = [step.effect for step in path_between(None, node)[-6:]]
    found = [effect for effect in effects if effect is not None and effect.sort in ("transposed", "resize")]
    return found[-1] if found else None
