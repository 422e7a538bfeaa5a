"""Finds values along the wrong axis: position codes per sample, a view in place of a transpose, attention over samples.

What an axis means shows in the layers around it: a convolution has its channels at axis 1, a linear layer its features
at the last one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch.nn.functional as F
from torch import fx, nn

from resnet_lint.graph.effects import effect_of
from resnet_lint.graph.joins import is_addition
from resnet_lint.graph.model import Seen, function_name, name_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import depends_on
from resnet_lint.shared.observed import AttentionOverBatch, CodePerSample, ScrambledAxes

from ..tracer.other_batch import at_other_batch
from ..tracer.torch_functions import CHANNELS_SECOND, LAST_DIMENSION_NORMS


def codes_per_sample(seen: Seen) -> Iterator[CodePerSample]:
    """Additions of a tensor that depends on no input, one value for each sample and the same along the sequence.

    `x + table[:x.size(0)]` is right for (sequence, batch, features) and wrong for (batch, sequence, features). Which
    one it is shows where attention compares the sequence with itself, or in a layer with `batch_first`.
    """
    for node in seen.trace.graph.nodes:
        operands = [arg for arg in node.args[:2] if isinstance(arg, fx.Node)] if is_addition(node) else []
        if len(operands) != 2 or node.meta["point"] is None:
            continue
        [codes, tensors] = [[each for each in operands if each.meta["activation"] is kind] for kind in (False, True)]
        if len(codes) != 1 or len(tensors) != 1:
            continue
        code, shape = codes[0].meta["shape"], tensors[0].meta["shape"]
        if len(code or ()) != 3 or len(shape or ()) != 3 or shape != node.meta["shape"]:
            continue
        sequence = _sequence_axis(node, seen)
        if sequence is not None and code[sequence] == 1 != shape[sequence] and code[1 - sequence] != 1:
            place = seen.place(node.meta["point"].span, seen.owner(node))
            yield CodePerSample(**place, tensor=shape, code=code, axis=sequence)


def _sequence_axis(node: fx.Node, seen: Seen) -> int | None:
    """The axis, 0 or 1, that what follows takes for the sequence; None where that is not certain."""
    first, second, features = node.meta["shape"]
    if len({first, second, features}) < 3:
        return None
    behind = _same_shape_behind(node)
    for call in seen.trace.calls:
        if call.is_torchs and behind & set(call.inputs[:1]):
            for module in call.module.modules():
                if hasattr(module, "batch_first"):
                    return 1 if module.batch_first else 0
    for after in seen.trace.graph.nodes:
        if after.meta["order"] > node.meta["order"] and after.meta["activation"]:
            last = (after.meta["shape"] or ())[-2:]
            if last in ((first, first), (second, second)):
                return 0 if last == (first, first) else 1
    return None


def _same_shape_behind(node: fx.Node) -> set[fx.Node]:
    """A node and what is made of it without a change of shape."""
    found, waiting = set(), [node]
    while waiting:
        current = waiting.pop()
        if current not in found and current.meta["shape"] == node.meta["shape"]:
            found.add(current)
            waiting.extend(current.users)
    return found


def scrambled_axes(seen: Seen) -> Iterator[ScrambledAxes]:
    """Views that hand the channels of a convolution to a layer for the last axis, or the other way round.

    The sizes fit, but the values stay in their order in memory, so each new row mixes positions and channels.
    """
    for node in seen.trace.graph.nodes:
        if function_name(node) not in ("view", "reshape") or node.meta["point"] is None or not node.meta["activation"]:
            continue
        source = node.all_input_nodes[0]
        maker = _maker_of_features(source)
        given, result = source.meta["shape"], node.meta["shape"]
        if maker is None or given is None or result is None:
            continue
        before = _features_axis(maker)
        moved = _moved_to(given, 1 if before == 1 else len(given) - 1, result)
        taker = _taker_of(node, moved, seen) if moved is not None else None
        if moved is not None and taker is not None:
            owner = seen.owner(node)
            yield ScrambledAxes(
                **seen.place(node.meta["point"].span, owner),
                given=given,
                before=1 if before == 1 else len(given) - 1,
                maker=name_of(maker, owner),
                result=result,
                after=moved,
                taker=taker,
            )


def _moved_to(given: tuple[int, ...], before: int, result: tuple[int, ...]) -> int | None:
    """Where a view of other sizes has the features: at the other end than they were; None where that is not certain."""
    width, positions = given[before], [size for axis, size in enumerate(given) if axis not in (0, before)]
    after = len(result) - 1 if before == 1 else 1
    if len(given) < 3 or len(result) < 3 or given[0] != result[0] or result[after] != width:
        return None
    certain = width > 1 < math.prod(positions) and width not in (*positions, math.prod(positions))
    return after if certain else None


def _features_axis(node: fx.Node) -> int | None:
    """The axis that a layer has its features at: 1 or -1; None for all that is no such layer."""
    function = node.meta.get("function")
    if function in CHANNELS_SECOND:
        return 1
    one_axis = len(node.meta["inputs"]) > 1 and len(node.meta["inputs"][1]) == 1
    return -1 if function is F.linear or (function in LAST_DIMENSION_NORMS and one_axis) else None


def _maker_of_features(node: fx.Node) -> fx.Node | None:
    """The nearest layer above that says where a tensor has its features, with nothing but its own shape between."""
    above = [node]
    for each in above:  # grows as sources are found
        if _features_axis(each) is not None:
            return each
        above += [s for s in each.all_input_nodes if s.meta["shape"] == node.meta["shape"] and s not in above]
    return None


def _taker_of(node: fx.Node, axis: int, seen: Seen) -> str | None:
    """The first layer behind a tensor that takes its features from this axis, for people."""
    shape, owner = node.meta["shape"], seen.owner(node)
    behind = _same_shape_behind(node)
    for call in seen.trace.calls:
        if isinstance(call.module, _FEATURES_LAST) and axis == len(shape) - 1 and behind & set(call.inputs[:1]):
            return call.relative_path(owner)
    for user in sorted({user for each in behind for user in each.users}, key=lambda user: int(user.meta["order"])):
        wanted = _features_axis(user)
        if wanted is not None and user.meta["inputs"][0] == shape and wanted % len(shape) == axis:
            return name_of(user, owner)
    return None


_FEATURES_LAST = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.RNNBase)


def attention_over_batch(seen: Seen) -> Iterator[AttentionOverBatch]:
    """Layers of attention built for (sequence, batch, features) whose input has the batch first.

    That the first axis is the batch is certain behind a convolution, where it grows with the batch of the input.
    """
    suspects = [call for call in seen.trace.calls if _attends_along_first(call)]
    images = _first_convolution(seen) if suspects else None
    other = at_other_batch(seen) if images is not None else None
    if other is None or images is None:
        return
    again = {(call.path, call.caller): call for call in other.trace.calls}
    for call in suspects:
        second = again.get((call.path, call.caller))
        fed, since = call.inputs[0].meta["shape"], second.inputs[0].meta["shape"] if second is not None else None
        grows = fed[0] == other.first and since == (other.batch, *fed[1:])
        if grows and call.caller is not None and depends_on(call.inputs[0], images):
            owner = seen.caller_at(call, call.caller)
            place = seen.place(call.caller.span, owner)
            yield AttentionOverBatch(**place, layer=call.relative_path(owner), fed=fed)


def _attends_along_first(call: ModuleCall) -> bool:
    """Whether a layer attends along the first of three axes, and the second one is more than one long."""
    shape = call.inputs[0].meta["shape"] if call.inputs else None
    if not call.is_torchs or shape is None or len(shape) != 3 or shape[1] == 1:
        return False
    inside = call.parent is not None and call.parent.is_torchs
    attention = (each for each in call.module.modules() if isinstance(each, nn.MultiheadAttention))
    first = None if inside else next(attention, None)
    return first is not None and not first.batch_first


def _first_convolution(seen: Seen) -> fx.Node | None:
    """The first layer of a trace whose input has the batch at axis 0 for certain."""
    effects = ((node, effect_of(node)) for node in seen.trace.graph.nodes)
    return next((n for n, x in effects if x is not None and x.sort == "convolution" and len(x.before) > 3), None)
