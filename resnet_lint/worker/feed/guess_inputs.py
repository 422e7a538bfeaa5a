"""Guesses inputs for a model: for its first layer, unless the name or annotation of a parameter says otherwise."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from resnet_lint.shared.records.places import Shape

from ..tensors import parameters_of
from .guess import BATCH, STEPS, Guess, Guesses
from .input_kinds import count_of, form_of, keys_read, may_be_several, names_unpacked
from .named_axes import with_named_axes
from .named_inputs import guess_named, guess_part, is_of_graph
from .stated_size import stated_size

# Spatial sizes (height, width) to try in order: first unequal ones, which detect swapped axes, then common ones.
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
_FRAMES = 16  # the depth of a video or a volume


class Fields(dict[str, Any]):
    """A dict with attribute access, like a batch of a graph library: `data.edge_index`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def required_inputs(module: nn.Module | type[nn.Module]) -> list[inspect.Parameter]:
    """The required parameters of forward; `*args` counts as one."""
    parameters = inspect.signature(module.forward).parameters.values()
    required = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "self"]
    starred = [p for p in required if p.kind is p.VAR_POSITIONAL]
    # `forward(self, pixel_values=None)` requires its first input too.
    optional = [p for p in parameters if p.default is None][:1]
    return [p for p in required if p not in starred] or starred or optional


def arguments(module: nn.Module, guesses: Guesses) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments for calling a module with some guesses."""
    args: list[Any] = []
    kwargs = {}
    required = required_inputs(module)
    for parameter in [*required, *_optional_inputs(module, required, guesses)]:
        value = _value(parameter, guesses)
        if parameter.kind is parameter.KEYWORD_ONLY or parameter not in required:
            kwargs[parameter.name] = value
        else:
            args.append(value)
    return tuple(args), kwargs


def _optional_inputs(
    module: nn.Module, required: Sequence[inspect.Parameter], guesses: Guesses
) -> Iterator[inspect.Parameter]:
    """The parameters with a default that have a guess."""
    for parameter in inspect.signature(module.forward).parameters.values():
        if parameter not in required and (parameter.name in guesses or parts_of(parameter.name, guesses)):
            yield parameter


def _value(parameter: inspect.Parameter, guesses: Guesses) -> Any:
    if parameter.name in guesses:
        return guesses[parameter.name].value()
    parts = {key: guesses[f"{parameter.name}.{key}"].value() for key in parts_of(parameter.name, guesses)}
    form = form_of(parameter)
    if form == "dict" or not all(key.isdigit() for key in parts):
        return Fields(parts)
    if parts:
        return tuple(parts.values()) if form == "tuple" else list(parts.values())
    height, width = _map_size(guesses)
    values = {"height": height, "width": width, "size": (height, width), "int": 1, "float": 1.0, "bool": False}
    return values.get(form, "")


def parts_of(name: str, guesses: Guesses) -> list[str]:
    """The keys of the guesses inside a list or dict."""
    return [key.removeprefix(f"{name}.") for key in guesses if key.startswith(f"{name}.")]


def _map_size(guesses: Guesses) -> tuple[int, int]:
    """The height and width of the first map; for a sequence, those of a square map of the same length."""
    for guess in guesses.values():
        if len(guess.shape) > 3:
            return guess.shape[-2], guess.shape[-1]
        if len(guess.shape) == 3:
            side = max(math.isqrt(guess.shape[1]), 1)
            return side, guess.shape[1] // side
    return SIZES[0]


def first_guesses(module: nn.Module, size: tuple[int, int]) -> Guesses:
    """One guess per input, or several if it is a list, tuple or dict of tensors."""
    usual, image = _wanted_by_first_layer(module, size), _image_wanted(module, size)
    guesses: dict[str, Guess] = {}
    required = required_inputs(module)
    names = [parameter.name for parameter in required]
    for parameter in required:
        form = form_of(parameter)
        keys = keys_read(module, parameter) if form in ("tensor", "dict") else []
        parts = names_unpacked(module, parameter) if form == "tensor" and not is_of_graph(parameter.name) else []
        if parts and not keys:
            named = (guess_part(part, parts, usual, image) for part in parts)
            guesses.update({f"{parameter.name}.{number}": guess for number, guess in enumerate(named)})
        elif keys or form == "dict":
            guesses.update({f"{parameter.name}.{key}": guess_named(key, keys, usual, image) for key in keys})
        elif form == "tensor":
            guess = guess_named(parameter.name, names, usual, image)
            guesses[parameter.name] = with_named_axes(module, parameter, guess, size)
        elif form in ("list", "tuple"):
            guesses.update(_pyramid(parameter.name, usual, count_of(parameter) or _branches(module)))
    floats = _floats_of(module)
    return {
        name: replace(guess, dtype=floats) if guess.dtype == torch.float32 else guess for name, guess in guesses.items()
    }


def _floats_of(module: nn.Module) -> torch.dtype:
    """The dtype of floating-point inputs: that of the first parameter, such as float64 after `net.double()`."""
    types = (parameter.dtype for parameter in parameters_of(module) if parameter.is_floating_point())
    return next(types, torch.float32)


def _pyramid(name: str, image: Guess, count: int) -> dict[str, Guess]:
    """Maps of decreasing size, halved at every level."""
    front, sides = image.shape[:2], image.shape[2:]
    halves = [(*front, *(max(side >> level, 1) for side in sides)) for level in range(count)]
    return {f"{name}.{level}": replace(image, shape=shape) for level, shape in enumerate(halves)}


def _branches(module: nn.Module) -> int:
    """The number of tensors in a list: the number of branches of the module, else two."""
    lengths = (len(child) for child in module.children() if isinstance(child, nn.ModuleList))
    return next((length for length in lengths if 1 < length < 7), 2)


_POOLS = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.AvgPool2d, nn.MaxPool2d)


def _wanted_by_first_layer(module: nn.Module, size: tuple[int, int]) -> Guess:
    """The input of the first layer that determines one; after pooling, the features of a linear layer are channels."""
    pools = False
    for layer in nn.Module.modules(module):
        pools = pools or isinstance(layer, _POOLS)
        guess = _wanted_by(layer, size)
        if guess is not None:
            return of_rank(guess, 4, size) if pools and isinstance(layer, nn.Linear) else guess
    return Guess((BATCH, 64, *size))


def _image_wanted(module: nn.Module, size: tuple[int, int]) -> Guess | None:
    """The image for the first convolution over images; None without one."""
    convolution = next((layer for layer in nn.Module.modules(module) if isinstance(layer, nn.Conv2d)), None)
    return _wanted_by(convolution, size) if convolution is not None else None


def _wanted_by(layer: nn.Module, size: tuple[int, int]) -> Guess | None:
    if isinstance(layer, nn.modules.conv._ConvNd):
        channels = layer.in_channels or 3  # 0 in a lazy convolution
        return Guess((BATCH, channels, *spatial(len(layer.kernel_size), size)))
    if isinstance(layer, nn.Linear):
        return Guess((BATCH, layer.in_features or 64))
    if isinstance(layer, nn.Embedding):
        return Guess((BATCH, STEPS), torch.int64)
    if isinstance(layer, (nn.BatchNorm2d, nn.InstanceNorm2d)):
        return Guess((BATCH, layer.num_features, *size))
    if isinstance(layer, nn.BatchNorm3d):
        return Guess((BATCH, layer.num_features, *spatial(3, size)))
    if isinstance(layer, nn.BatchNorm1d):
        return Guess((BATCH, layer.num_features, size[0]))
    if isinstance(layer, nn.GroupNorm):
        return Guess((BATCH, layer.num_channels, *size))
    if isinstance(layer, nn.LayerNorm):
        return Guess((BATCH, STEPS, *layer.normalized_shape))
    if isinstance(layer, nn.RNNBase):
        return Guess((BATCH, STEPS, layer.input_size))
    if isinstance(layer, nn.RNNCellBase):
        return Guess((BATCH, layer.input_size))
    if isinstance(layer, nn.MultiheadAttention):
        return Guess((BATCH, STEPS, layer.embed_dim))
    return None


def spatial(axes: int, size: tuple[int, int]) -> tuple[int, ...]:
    return {1: (size[0],), 2: size}.get(axes, (_FRAMES, *size))


def of_rank(guess: Guess, rank: int, size: tuple[int, int]) -> Guess:
    """A guess with the same number of channels or features, and another rank."""
    *front, last = guess.shape or (STEPS,)
    width = guess.shape[1] if len(front) not in (0, 2) else last
    shape = (BATCH, STEPS, width) if rank == 3 else (BATCH, width, *spatial(rank - 2, size))
    return replace(guess, shape=shape[:rank])


def _of_steps(name: str, guess: Guess) -> Guess:
    """A guess beside sequences: a mask of them has a value for every step."""
    return replace(guess, shape=(BATCH, STEPS)) if "mask" in name.lower() else guess


def guesses_at(module: nn.Module, known: Sequence[Shape]) -> Iterator[tuple[Guesses, tuple[int, int]]]:
    """The first guesses to try, in order: shapes in the file itself, then common sizes and the one the model states."""
    inputs = required_inputs(module)
    tensors = [parameter for parameter in inputs if form_of(parameter) == "tensor"]
    names = [parameter.name for parameter in tensors if not names_unpacked(module, parameter)]
    if len(names) == len(tensors) == 1:
        for shape in known:
            size = (shape[-2], shape[-1]) if len(shape) > 3 else (shape[-1], shape[-1])
            yield {names[0]: Guess(shape)}, size
    stated = stated_size(module)
    for size in (SIZES[0], *([stated] if stated is not None else []), *SIZES[1:]):
        yield first_guesses(module, size), size
    for rank in (4, 3, 2):
        guesses = first_guesses(module, SIZES[2])
        ranked = {name: of_rank(guess, rank, SIZES[2]) for name, guess in guesses.items()}
        yield {name: _of_steps(name, guess) for name, guess in ranked.items()} if rank == 3 else ranked, SIZES[2]
    if len(inputs) == 1 and may_be_several(inputs[0]):
        image = _wanted_by_first_layer(module, SIZES[1])
        yield _pyramid(inputs[0].name, image, _branches(module)), SIZES[1]
