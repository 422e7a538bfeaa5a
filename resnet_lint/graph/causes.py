"""The causes of a finding: lines of the user's code, such as layers that change a shape."""

from __future__ import annotations

from collections.abc import Sequence

from ..shared.records.places import Cause
from .built_at import built_of
from .effects import Effect, layers_on
from .in_place import Change
from .module_call import ModuleCall
from .node import Node
from .permutations import permutes
from .residuals import Residual, differing_axes, path_between


def _residual_causes(residual: Residual, owner: ModuleCall) -> tuple[Cause, ...]:
    axes = differing_axes(residual)
    branch = _telling(residual.branch_path, owner, axes)
    return tuple(dict.fromkeys((*branch, *_telling(residual.shortcut_path, owner, axes))))


def _causes_behind(node: Node, owner: ModuleCall) -> tuple[Cause, ...]:
    """The nearest layers before a failing call that change the shape of its operands."""
    inputs = list(node.activations)
    paths = [_telling(path_between(None, source)[-20:], owner)[-2:] for source in inputs]
    return tuple(dict.fromkeys(cause for path in paths for cause in path))


def _telling(path: Sequence[Node], owner: ModuleCall, axes: Sequence[int] = ()) -> tuple[Cause, ...]:
    """The causes on a path: only layers if there are any, because reshapes between them explain little.

    Of these, only those that change the size of one of the axes, if there are any: an expansion of the channels is no
    reason for another height.
    """
    layers = layers_on(path)
    if not any(map(permutes, path)):
        layers = [(node, effect) for node, effect in layers if effect.resizes(axes)] or layers
    return causes_on([node for node, _ in layers], owner) or causes_on(path, owner)


def size_text(size: Sequence[int]) -> str:
    """Format sizes: `32x32`."""
    return "x".join(map(str, size))


def describe(node: Node, inside: ModuleCall | None) -> str | None:
    """Describe how a node changes the shape: `conv1: 64 -> 128 channels, stride 2`; None if it does not."""
    effect = node.effect
    if effect is None or (not effect.changes and not _mismatched(effect)):
        return None
    words = []
    if effect.channels is not None and effect.channels[0] != effect.channels[1]:
        unit = "features" if effect.is_of_features else "channels"
        words.append(f"{effect.channels[0]} -> {effect.channels[1]} {unit}")
    if effect.stride and set(effect.stride) != {1}:
        words.append(f"stride {_short(effect.stride)}")
    if effect.sort in ("convolution", "transposed", "pool") and effect.before[2:] != effect.after[2:]:
        if set(effect.stride) == {1} or effect.sort != "convolution":
            words.append(f"kernel {_short(effect.kernel)}, padding {_short(effect.padding)}")
            if any(dilation > 1 for dilation in effect.dilation):
                words.append(f"dilation {_short(effect.dilation)}")
        words.append(f"{size_text(effect.before[2:])} -> {size_text(effect.after[2:])}")
    elif not words:
        words.append(f"{effect.before} -> {effect.after}")
    return f"{_layer_name(node, inside)}: {', '.join(words)}"


def _mismatched(effect: Effect) -> bool:
    return effect.channels is not None and effect.channels[0] != effect.channels[1]


def _short(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else size_text(values)


def _layer_name(node: Node, inside: ModuleCall | None) -> str:
    call: ModuleCall | None = node.call
    if call is not None and call.is_torchs:
        return call.relative_path(inside)
    return "indexing" if node.spelling == "__getitem__" else f"{node.spelling or node.target}()"


def cause_of(node: Node, inside: ModuleCall | None) -> Cause | None:
    """The cause for a change of shape: the line that constructs the layer, or the call itself."""
    text = describe(node, inside)
    if text is None:
        return None
    call: ModuleCall | None = node.call
    built = built_of(call.module) if call is not None and call.is_torchs else None
    point = built.point if built is not None else node.point
    if point is None:
        return None
    return Cause(point.span.path, point.span.start.line, text)


def causes_on(path: Sequence[Node], inside: ModuleCall | None) -> tuple[Cause, ...]:
    """The causes along a path, in order and without duplicates."""
    found = (cause_of(node, inside) for node in path)
    return tuple(dict.fromkeys(cause for cause in found if cause is not None))


def cause_of_change(change: Change, owner: ModuleCall) -> Cause:
    """The call that modifies a tensor; for an in-place layer, the line that constructs it."""
    node = change.node
    call: ModuleCall = node.known_call
    built = built_of(call.module) if call.is_torchs else None
    place = (built.point if built is not None else node.known_point).span
    if call.is_torchs:
        text = f"{call.relative_path(owner)}: {type(call.module).__name__} works in place"
    else:
        text = node.known_point.text
    return Cause(place.path, place.start.line, text)
