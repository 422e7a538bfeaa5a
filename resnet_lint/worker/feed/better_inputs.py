"""Improves guessed inputs based on the faults in a trace, and decides which faults may be caused by the inputs."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from resnet_lint.graph.fault import Fault, Layer
from resnet_lint.graph.node import Node
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.records.places import Shape

from .guess import BATCH, STEPS, Guesses
from .guess_inputs import SIZES, of_rank, parts_of, spatial

# The maximum number of elements of an input, because repeated improvements could enlarge it without limit.
_MOST_VALUES = 1 << 40


def refined(guesses: Guesses, trace: Trace, size: tuple[int, int]) -> Guesses | None:
    """Better guesses, based on the faults in the trace; None if the inputs are not to blame."""
    for fault in trace.all_faults:
        change = _change_for(fault, size)
        if change is not None and change[0] in guesses:
            name, shape, dtype = change
            old = guesses[name]
            new = replace(old, shape=shape or old.shape, dtype=dtype or old.dtype)
            if new != old and math.prod(new.shape) <= _MOST_VALUES:
                return {**guesses, name: new}
    if trace.stop is None:
        return None
    return _more_parts(guesses, trace.stop.error) or _other_rank(guesses, trace, size)


_TOO_SHORT = re.compile(r"(list|tuple) index out of range|not enough values to unpack")
_MOST_PARTS = 8


def _more_parts(guesses: Guesses, error: BaseException) -> Guesses | None:
    """Add a tensor to a list that was too short."""
    name = next((name.removesuffix(".0") for name in guesses if name.endswith(".0")), "")
    parts = parts_of(name, guesses)
    if not 0 < len(parts) < _MOST_PARTS or _TOO_SHORT.search(error_text(error)) is None:
        return None
    return {**guesses, f"{name}.{len(parts)}": guesses[f"{name}.{parts[-1]}"]}


def _change_for(fault: Fault, size: tuple[int, int]) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The input to change, and its new shape or dtype, to avoid this fault."""
    operands = list(fault.node.activations)
    if not operands:
        return None
    source = placeholder_behind(operands[0])
    if "scalar types: Long, Int" in fault.error:
        return (source.target, (BATCH, STEPS), torch.int64) if source is not None else None
    if fault.kind in ("addition", "other") and len(operands) == 2:
        return _alike(operands)
    if fault.kind in ("addition", "other"):
        return _beside_parameter(fault.node, operands[0])
    flattened = flattened_map(fault)
    if flattened is not None:
        return _fitting(fault, flattened) or _of_patches(operands[0], fault.layer)
    if fault.layer is None:
        return None
    source = _input_with_channels(operands[0], fault.layer.dimension)
    if source is None:
        return _rearranged(operands[0], fault.layer)
    return source.target, _reshaped(source.known_shape, fault.layer, size), None


def blames_inputs(fault: Fault) -> bool:
    """Whether a fault may be caused by guessed inputs rather than the model.

    This is the case if several inputs are combined, whose relation is unknown; if a layer, a parameter or an addition
    uses an input before any other layer; if it follows the flattening of a map whose size depends on the image; and if
    a tensor is empty.
    """
    operands = list(fault.node.activations)
    if (
        any(0 in (node.shape or ()) for node in operands)
        or len(inputs_behind(operands)) > 1
        or _change_for(fault, SIZES[0]) is not None
    ):
        return True
    if flattened_map(fault) is not None:
        return True
    return len(operands) == 1 and _input_rearranged(operands[0]) is not None


def flattened_map(fault: Fault) -> Node | None:
    """The view or flatten between a map and a failing linear layer, so that the size of the input matters."""
    node = fault.node.sources[0] if fault.kind == "layer" and fault.node.sources else None
    while node is not None and node.kind != "input":
        before, after = node.inputs[:1], node.shape
        if before and len(before[0]) > 2 and after is not None and _is_flattened(before[0], after):
            return node if math.prod(before[0][2:]) > 1 else None
        sources = list(node.activations)
        learned = any(not source.activation for source in node.sources)
        node = sources[0] if len(sources) == 1 and not learned else None
    return None


def _is_flattened(before: Shape, after: Shape) -> bool:
    """Whether axes were merged, and not dropped as by `tokens[:, 0]`."""
    return len(after) < len(before) and math.prod(after) == math.prod(before)


def _fitting(fault: Fault, flattened: Node) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The image size at which the flattened map is closer to the features that the layer expects."""
    inputs = inputs_behind([flattened])
    channels, *sizes = flattened.inputs[0][1:]
    if len(inputs) != 1 or len(sizes) != 2 or 0 in (channels, *sizes) or fault.layer is None:
        return None
    if fault.layer.wanted % channels:
        return None
    wanted = math.isqrt(fault.layer.wanted // channels)
    if wanted * wanted != fault.layer.wanted // channels:
        return None
    [source] = inputs
    if len(source.known_shape) < 2:
        return None
    *front, height, width = source.known_shape
    fitted = [
        now + (wanted - size) * max(1, round(now / size)) for now, size in zip((height, width), sizes, strict=True)
    ]
    return (source.target, (*front, *fitted), None) if min(fitted) > 0 else None


def inputs_behind(nodes: Sequence[Node]) -> set[Node]:
    """The inputs of the model on which some values depend."""
    seen: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(node.activations)
    return {node for node in seen if node.kind == "input"}


def _alike(operands: Sequence[Node]) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The change for two mismatched operands, one an unchanged input, and the other independent of it."""
    left, right = operands
    for mine, other in ((right, left), (left, right)):
        source = placeholder_behind(mine)
        if source is not None and source not in inputs_behind([other]) and other.shape is not None:
            return source.target, other.shape, None
    return None


def _beside_parameter(node: Node, operand: Node) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The change for an input that is combined with a parameter before any layer: the size of the parameter."""
    source = _input_rearranged(operand)
    parameters = [operand.shape for operand in node.sources if not operand.activation]
    if source is None or len(parameters) != 1 or parameters[0] is None or source.shape != operand.shape:
        return None
    shape, parameter = source.known_shape, parameters[0]
    if not 0 < len(parameter) <= len(shape):
        return None
    own = shape[-len(parameter) :]
    fitting = (wanted if wanted > 1 else size for size, wanted in zip(own, parameter, strict=True))
    return source.target, (*shape[: -len(parameter)], *fitting), None


def _reshaped(shape: Shape, layer: Layer, size: tuple[int, int]) -> Shape:
    rank = layer.rank or max(len(shape), 2)
    axis = _axis(layer.dimension, len(shape))
    if rank == len(shape) and axis is not None:
        changed = list(shape)
        changed[axis] = layer.wanted
        return tuple(changed)
    if layer.dimension == -1:
        return (BATCH, *([STEPS] * (rank - 2)), layer.wanted)
    return (BATCH, layer.wanted, *spatial(rank - 2, size))


def _axis(dimension: int, rank: int) -> int | None:
    """The non-negative axis of a dimension; None if it is out of range."""
    return dimension % rank if -rank <= dimension < rank else None


def placeholder_behind(node: Node) -> Node | None:
    """The input that a value is equal to, up to operations that preserve its shape; None for computed values."""
    while node.kind != "input":
        sources = list(node.activations)
        learned = any(not source.activation for source in node.sources)
        if len(sources) != 1 or learned or sources[0].shape != node.shape:
            return None
        node = sources[0]
    return node


def _input_with_channels(node: Node, dimension: int) -> Node | None:
    """The input with the same channels or features as a value, up to pooling and slicing."""
    while node.kind != "input":
        sources = list(node.activations)
        learned = any(not source.activation for source in node.sources)
        if len(sources) != 1 or learned:
            return None
        before, after = sources[0].shape, node.shape
        if (
            before is None
            or after is None
            or len(before) != len(after)
            or before[dimension:][:1] != after[dimension:][:1]
        ):
            return None
        node = sources[0]
    return node


def _rearranged(node: Node, layer: Layer) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The change for an input that reaches the layer in part, such as its first token, or multiplied."""
    source, fed = _input_rearranged(node), node.shape
    if source is None or fed is None:
        return None
    shape = list(source.known_shape)
    if layer.dimension == -1 and len(fed) < 2:
        return source.target, (BATCH, *([STEPS] * (len(shape) - len(fed))), layer.wanted), None
    axis = _axis(layer.dimension, len(shape))
    if len(fed) != len(shape) or axis is None or fed[axis] == 0:
        return None
    channels, rest = divmod(shape[axis] * layer.wanted, fed[axis])
    if rest or not channels:
        return None
    shape[axis] = channels
    return source.target, tuple(shape), None


def _of_patches(node: Node, layer: Layer | None) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The change for an image whose patches are the features of a layer: the number of channels per pixel."""
    source, fed = _input_rearranged(node), node.shape
    if source is None or not fed or layer is None or layer.dimension != -1 or len(source.known_shape) < 3:
        return None
    batch, channels, *sides = source.known_shape
    fewer, rest = divmod(channels * layer.wanted, fed[-1]) if fed[-1] else (0, 1)
    return (source.target, (batch, fewer, *sides), None) if fewer and not rest else None


def _input_rearranged(node: Node) -> Node | None:
    """The only input that a value depends on, if there are no layers with weights between them."""
    seen, waiting = {node}, [node]
    while waiting:
        sources = waiting.pop().sources
        if any(not source.activation for source in sources):
            return None
        waiting.extend(source for source in sources if source not in seen)
        seen.update(sources)
    inputs = [node for node in seen if node.kind == "input"]
    return inputs[0] if len(inputs) == 1 else None


_UNPACKING = re.compile(r"(?:not enough|too many) values to unpack \(expected (\d+)")
_TOO_FEW = "Dimension out of range"


def _other_rank(guesses: Guesses, trace: Trace, size: tuple[int, int]) -> Guesses | None:
    """Another rank for the first input, from a failing `b, c, h, w = x.shape`, or from `x.mean(3)`."""
    assert trace.stop is not None
    text = error_text(trace.stop.error)
    match = _UNPACKING.search(text)
    rank = int(match[1]) if match is not None else 4 if _TOO_FEW in text else 0
    if not 2 <= rank <= 5:
        return None
    for name, guess in guesses.items():
        if len(guess.shape) != rank and guess.dtype is torch.float32 and len(guess.shape) > 1:
            return {**guesses, name: of_rank(guess, rank, size)}
    return None
