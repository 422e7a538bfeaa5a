"""Invents inputs for a model: a first guess by its first layer, then better ones by what its layers say to it."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn

from ..records import Shape
from ..said import said
from ..shapes.fault import Fault, Layer
from ..shapes.trace import Trace

# Spatial sizes in the order of trying, (height, width): unequal first, which catches swapped axes, then the usual ones.
SIZES: tuple[tuple[int, int], ...] = (
    (224, 256),
    (224, 224),
    (32, 32),
    (64, 64),
    (28, 28),
    (128, 128),
    (96, 96),
    (256, 256),
    (299, 299),
    (84, 84),
    (384, 384),
    (512, 512),
)
BATCH = 2
_STEPS = 16  # the length of a sequence
_FRAMES = 16  # the depth of a video or a volume
_IDS = re.compile(r"(^|_)(ids?|tokens?|idx|indices|labels?|targets?|src|tgt|captions?|words?)($|_)")
_TIMES = re.compile(r"^(t|ts|time|times|timesteps?|sigma|noise_level)$")


@dataclass(frozen=True)
class Guess:
    """A tensor to feed: shape with the batch first, and the type of its elements."""

    shape: Shape
    dtype: torch.dtype = torch.float32

    def tensor(self) -> torch.Tensor:
        return torch.empty(self.shape, dtype=self.dtype, device="meta")


Guesses = Mapping[str, Guess]


def required_inputs(module: nn.Module | type[nn.Module]) -> list[inspect.Parameter]:
    """The parameters of forward that need a value; a `*args` counts as one."""
    parameters = inspect.signature(module.forward).parameters.values()
    required = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "self"]
    starred = [p for p in required if p.kind is p.VAR_POSITIONAL]
    # `forward(self, pixel_values=None)` wants its first input all the same.
    optional = [p for p in parameters if p.default is None][:1]
    return [p for p in required if p not in starred] or starred or optional


def arguments(module: nn.Module, guesses: Guesses) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The guesses as tensors, for calling the module with."""
    args, kwargs = [], {}
    for parameter in required_inputs(module):
        tensor = guesses[parameter.name].tensor()
        if parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = tensor
        else:
            args.append(tensor)
    return tuple(args), kwargs


def first_guesses(module: nn.Module, size: tuple[int, int]) -> Guesses:
    """One guess an input: what the first layer with weights takes, unless the input's name says otherwise."""
    image = _wanted_by_first_layer(module, size)
    return {parameter.name: _by_name(parameter, image) for parameter in required_inputs(module)}


def _by_name(parameter: inspect.Parameter, image: Guess) -> Guess:
    if _IDS.search(parameter.name):
        return Guess((BATCH, _STEPS), torch.int64)
    if _TIMES.match(parameter.name):
        return Guess((BATCH,))
    return image


def _wanted_by_first_layer(module: nn.Module, size: tuple[int, int]) -> Guess:
    for layer in module.modules():
        guess = _wanted_by(layer, size)
        if guess is not None:
            return guess
    return Guess((BATCH, 64, *size))


def _wanted_by(layer: nn.Module, size: tuple[int, int]) -> Guess | None:
    if isinstance(layer, nn.modules.conv._ConvNd):
        channels = layer.in_channels or 3  # 0 in a lazy convolution
        return Guess((BATCH, channels, *_spatial(len(layer.kernel_size), size)))
    if isinstance(layer, nn.Linear):
        return Guess((BATCH, layer.in_features or 64))
    if isinstance(layer, nn.Embedding):
        return Guess((BATCH, _STEPS), torch.int64)
    if isinstance(layer, (nn.BatchNorm2d, nn.InstanceNorm2d)):
        return Guess((BATCH, layer.num_features, *size))
    if isinstance(layer, nn.BatchNorm3d):
        return Guess((BATCH, layer.num_features, *_spatial(3, size)))
    if isinstance(layer, nn.BatchNorm1d):
        return Guess((BATCH, layer.num_features, size[0]))
    if isinstance(layer, nn.GroupNorm):
        return Guess((BATCH, layer.num_channels, *size))
    if isinstance(layer, nn.LayerNorm):
        return Guess((BATCH, _STEPS, *layer.normalized_shape))
    if isinstance(layer, nn.RNNBase):
        return Guess((BATCH, _STEPS, layer.input_size))
    if isinstance(layer, nn.RNNCellBase):
        return Guess((BATCH, layer.input_size))
    if isinstance(layer, nn.MultiheadAttention):
        return Guess((BATCH, _STEPS, layer.embed_dim))
    return None


def _spatial(axes: int, size: tuple[int, int]) -> tuple[int, ...]:
    return {1: (size[0],), 2: size}.get(axes, (_FRAMES, *size))


def refined(guesses: Guesses, trace: Trace, size: tuple[int, int]) -> Guesses | None:
    """Better guesses, by what went wrong in the trace; None where the inputs are not to blame."""
    for fault in trace.all_faults:
        change = _change_for(fault, size)
        if change is not None and change[0] in guesses:
            name, shape, dtype = change
            old = guesses[name]
            new = replace(old, shape=shape or old.shape, dtype=dtype or old.dtype)
            if new != old:
                return {**guesses, name: new}
    return _other_rank(guesses, trace, size) if trace.stop is not None else None


def _change_for(fault: Fault, size: tuple[int, int]) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """Which input to change, and to which shape or type, so that this fault goes away."""
    operands = [node for node in fault.node.all_input_nodes if node.meta["activation"]]
    if not operands:
        return None
    source = placeholder_behind(operands[0])
    if "scalar types: Long, Int" in fault.error:
        return (str(source.target), (BATCH, _STEPS), torch.int64) if source is not None else None
    if fault.kind in ("addition", "other") and len(operands) == 2:
        return _alike(operands)
    flattened = flattened_map(fault)
    if flattened is not None:
        return _fitting(fault, flattened)
    if fault.layer is not None:
        source = _input_with_channels(operands[0], fault.layer.dimension)
    if source is None or fault.layer is None:
        return None
    return str(source.target), _reshaped(source.meta["shape"], fault.layer, size), None


def blames_inputs(fault: Fault) -> bool:
    """Whether a fault may lie in invented inputs and not in the model.

    So it is where several inputs meet, as nobody knows how they go together; where a layer, a parameter or an addition
    meets an input just as it came in; and where a map is flattened whose size the image decides.
    """
    operands = [node for node in fault.node.all_input_nodes if node.meta["activation"]]
    if len(_inputs_behind(operands)) > 1 or _change_for(fault, SIZES[0]) is not None:
        return True
    if flattened_map(fault) is not None:
        return True
    return len(operands) == 1 and placeholder_behind(operands[0]) is not None


def flattened_map(fault: Fault) -> fx.Node | None:
    """The view or flatten between a map and a linear layer that is fed wrongly: then the input's size decides."""
    node = fault.node.all_input_nodes[0] if fault.kind == "layer" and fault.node.all_input_nodes else None
    while node is not None and node.op != "placeholder":
        before, after = node.meta["inputs"][:1], node.meta["shape"]
        if before and len(before[0]) > 2 and after is not None and len(after) < len(before[0]):
            return node if math.prod(before[0][2:]) > 1 else None
        sources = [source for source in node.all_input_nodes if source.meta["activation"]]
        learned = any(not source.meta["activation"] for source in node.all_input_nodes)
        node = sources[0] if len(sources) == 1 and not learned else None
    return None


def _fitting(fault: Fault, flattened: fx.Node) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """The image size at which the flattened map has the features that the layer takes, a step nearer."""
    inputs = _inputs_behind([flattened])
    channels, *sizes = flattened.meta["inputs"][0][1:]
    if len(inputs) != 1 or len(sizes) != 2 or fault.layer is None or fault.layer.wanted % channels:
        return None
    wanted = math.isqrt(fault.layer.wanted // channels)
    if wanted * wanted != fault.layer.wanted // channels:
        return None
    [source] = inputs
    *front, height, width = source.meta["shape"]
    fitted = [
        now + (wanted - size) * max(1, round(now / size)) for now, size in zip((height, width), sizes, strict=True)
    ]
    return (str(source.target), (*front, *fitted), None) if min(fitted) > 0 else None


def _inputs_behind(nodes: Sequence[fx.Node]) -> set[fx.Node]:
    """The inputs of the model that some values depend on."""
    seen: set[fx.Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(source for source in node.all_input_nodes if source.meta["activation"])
    return {node for node in seen if node.op == "placeholder"}


def _alike(operands: Sequence[fx.Node]) -> tuple[str, Shape | None, torch.dtype | None] | None:
    """Two operands that do not fit, one of them an input as it came in and the other not made from it."""
    left, right = operands
    for mine, other in ((right, left), (left, right)):
        source = placeholder_behind(mine)
        if source is not None and source not in _inputs_behind([other]) and other.meta["shape"] is not None:
            return str(source.target), other.meta["shape"], None
    return None


def _reshaped(shape: Shape, layer: Layer, size: tuple[int, int]) -> Shape:
    rank = layer.rank or max(len(shape), 2)
    if rank == len(shape):
        changed = list(shape)
        changed[layer.dimension] = layer.wanted
        return tuple(changed)
    if layer.dimension == -1:
        return (BATCH, *([_STEPS] * (rank - 2)), layer.wanted)
    return (BATCH, layer.wanted, *_spatial(rank - 2, size))


def placeholder_behind(node: fx.Node) -> fx.Node | None:
    """The input that a value is, up to operations that leave its shape alone; None for anything computed."""
    while node.op != "placeholder":
        sources = [source for source in node.all_input_nodes if source.meta["activation"]]
        learned = any(not source.meta["activation"] for source in node.all_input_nodes)
        if len(sources) != 1 or learned or sources[0].meta["shape"] != node.meta["shape"]:
            return None
        node = sources[0]
    return node


def _input_with_channels(node: fx.Node, dimension: int) -> fx.Node | None:
    """The input whose channels (or features) a value still has, whatever pooling or slicing did to its size."""
    while node.op != "placeholder":
        sources = [source for source in node.all_input_nodes if source.meta["activation"]]
        learned = any(not source.meta["activation"] for source in node.all_input_nodes)
        if len(sources) != 1 or learned:
            return None
        before, after = sources[0].meta["shape"], node.meta["shape"]
        if (
            before is None
            or after is None
            or len(before) != len(after)
            or before[dimension:][:1] != after[dimension:][:1]
        ):
            return None
        node = sources[0]
    return node


_UNPACKING = re.compile(r"(?:not enough|too many) values to unpack \(expected (\d+)")
_TOO_FEW = "Dimension out of range"


def _other_rank(guesses: Guesses, trace: Trace, size: tuple[int, int]) -> Guesses | None:
    """`b, c, h, w = x.shape` says how many dimensions the first input should have had; `x.mean(3)`, that it has few."""
    assert trace.stop is not None
    text = said(trace.stop.error)
    match = _UNPACKING.search(text)
    rank = int(match[1]) if match is not None else 4 if _TOO_FEW in text else 0
    if not 2 <= rank <= 5:
        return None
    for name, guess in guesses.items():
        if len(guess.shape) != rank and guess.dtype is torch.float32 and len(guess.shape) > 1:
            return {**guesses, name: _of_rank(guess, rank, size)}
    return None


def _of_rank(guess: Guess, rank: int, size: tuple[int, int]) -> Guess:
    """A guess with as many channels or features, in another number of dimensions."""
    width = guess.shape[1] if len(guess.shape) != 3 else guess.shape[-1]
    shape = (BATCH, _STEPS, width) if rank == 3 else (BATCH, width, *_spatial(rank - 2, size))
    return replace(guess, shape=shape[:rank])


def guesses_at(module: nn.Module, known: Sequence[Shape]) -> Iterator[tuple[Guesses, tuple[int, int]]]:
    """First guesses in the order of trying: shapes that the file itself mentions, then the usual sizes."""
    names = [parameter.name for parameter in required_inputs(module)]
    if len(names) == 1:
        for shape in known:
            size = (shape[-2], shape[-1]) if len(shape) > 3 else (shape[-1], shape[-1])
            yield {names[0]: Guess(shape)}, size
    for size in SIZES:
        yield first_guesses(module, size), size
    for rank in (4, 3, 2):
        guesses = first_guesses(module, SIZES[2])
        yield {name: _of_rank(guess, rank, SIZES[2]) for name, guess in guesses.items()}, SIZES[2]
