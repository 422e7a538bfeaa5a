"""einops: axes are named in a pattern, `b c (h p) w -> b (c p) h w`, and rearranged, reduced or repeated."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import nn

__all__ = [
    *("EinMix", "EinopsError", "Rearrange", "Reduce"),
    *("einsum", "pack", "parse_shape", "rearrange", "reduce", "repeat", "unpack"),
]

Groups = list[list[str]]
Sizes = dict[str, int]


class EinopsError(RuntimeError):
    """A pattern that a tensor does not have."""


def rearrange(tensor: Any, pattern: str, **sizes: int) -> torch.Tensor:
    """Split, permute and join axes."""
    return _transformed(_stacked(tensor), pattern, sizes, None, "rearrange")


def reduce(tensor: Any, pattern: str, reduction: str | Callable[..., Any], **sizes: int) -> torch.Tensor:
    """As `rearrange`; axes that are missing on the right side are reduced."""
    return _transformed(_stacked(tensor), pattern, sizes, reduction, "reduce")


def repeat(tensor: Any, pattern: str, **sizes: int) -> torch.Tensor:
    """As `rearrange`; axes that are new on the right side repeat the tensor."""
    return _transformed(_stacked(tensor), pattern, sizes, None, "repeat")


def parse_shape(tensor: torch.Tensor, pattern: str) -> Sizes:
    """The sizes of the axes that a pattern names."""
    names = pattern.split()
    if len(names) != tensor.ndim:
        _fail("parse_shape", pattern, tensor)
    return {name: size for name, size in zip(names, tensor.shape, strict=True) if name != "_"}


def einsum(*args: Any) -> torch.Tensor:
    """`torch.einsum` with names for axes in place of letters."""
    *tensors, pattern = args
    letters: dict[str, str] = {}

    def letter(match: re.Match[str]) -> str:
        return letters.setdefault(match[0], chr(ord("a") + len(letters)))

    return torch.einsum(re.sub(r"[A-Za-z_]\w*", letter, pattern).replace(" ", ""), *tensors)


def pack(tensors: Sequence[torch.Tensor], pattern: str) -> tuple[torch.Tensor, list[torch.Size]]:
    """Join tensors that differ in the axes at `*`, flattened to one; and their sizes there."""
    names = pattern.split()
    before, after = names.index("*"), len(names) - names.index("*") - 1
    shapes = [tensor.shape[before : tensor.ndim - after] for tensor in tensors]
    flat = [
        tensor.reshape(*tensor.shape[:before], math.prod(shape), *tensor.shape[tensor.ndim - after :])
        for tensor, shape in zip(tensors, shapes, strict=True)
    ]
    return torch.cat(flat, dim=before), shapes


def unpack(tensor: torch.Tensor, shapes: Sequence[Sequence[int]], pattern: str) -> list[torch.Tensor]:
    """The tensors that `pack` joined."""
    axis = pattern.split().index("*")
    lengths = [math.prod(shape) for shape in shapes]
    if -1 in (size for shape in shapes for size in shape):
        known = sum(length for length in lengths if length > 0)
        lengths = [length if length > 0 else tensor.shape[axis] - known for length in lengths]
    parts = torch.split(tensor, lengths, dim=axis)
    return [
        part.reshape(*part.shape[:axis], *shape, *part.shape[axis + 1 :])
        for part, shape in zip(parts, shapes, strict=True)
    ]


class Rearrange(nn.Module):
    """`rearrange` as a layer."""

    def __init__(self, pattern: str, **axes_lengths: int) -> None:
        super().__init__()
        self.pattern, self.axes_lengths = pattern, axes_lengths

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return rearrange(input, self.pattern, **self.axes_lengths)


class Reduce(nn.Module):
    """`reduce` as a layer."""

    def __init__(self, pattern: str, reduction: str, **axes_lengths: int) -> None:
        super().__init__()
        self.pattern, self.reduction, self.axes_lengths = pattern, reduction, axes_lengths

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return reduce(input, self.pattern, self.reduction, **self.axes_lengths)


class EinMix(nn.Module):
    """A linear layer over named axes: `b t c -> b t c_out` with a weight of `c c_out`."""

    def __init__(self, pattern: str, weight_shape: str, bias_shape: str | None = None, **axes_lengths: int) -> None:
        super().__init__()
        self.pattern, self.weight_shape, self.bias_shape = pattern, weight_shape, bias_shape
        self.axes_lengths = axes_lengths
        self.weight = nn.Parameter(torch.empty([axes_lengths[name] for name in weight_shape.split()]))
        self.bias = nn.Parameter(torch.empty([axes_lengths[n] for n in bias_shape.split()])) if bias_shape else None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        left, right = (_groups(side) for side in self.pattern.split("->"))
        names = [name for group in left for name in group]
        flat = rearrange(input, f"{self.pattern.split('->')[0]} -> {' '.join(names)}", **_of(names, self.axes_lengths))
        joined = " ".join(name for group in right for name in group)
        result = einsum(flat, self.weight, f"{' '.join(names)}, {self.weight_shape} -> {joined}")
        sizes = dict(zip(joined.split(), result.shape, strict=True))
        if self.bias is not None and self.bias_shape:
            order = [name for name in joined.split() if name in self.bias_shape.split()]
            bias = rearrange(self.bias, f"{self.bias_shape} -> {' '.join(order)}")
            result = result + bias.reshape([sizes[name] if name in order else 1 for name in joined.split()])
        return rearrange(result, f"{joined} -> {self.pattern.split('->')[1]}")


def _of(names: Sequence[str], sizes: Sizes) -> Sizes:
    return {name: size for name, size in sizes.items() if name in names}


def _stacked(tensor: Any) -> torch.Tensor:
    return torch.stack(list(tensor)) if isinstance(tensor, (list, tuple)) else tensor


def _transformed(
    tensor: torch.Tensor, pattern: str, given: Sizes, reduction: str | Callable[..., Any] | None, what: str
) -> torch.Tensor:
    if pattern.count("->") != 1:
        _fail(what, pattern, tensor)
    left, right = (_groups(side, mark) for side, mark in zip(pattern.split("->"), "lr", strict=True))
    left, right = _without_ellipsis(left, right, tensor, what, pattern)
    written = {name: int(name[2:].partition(".")[0]) for group in (*left, *right) for name in group if name[:1] == "#"}
    sizes = _sizes(left, tensor, {**given, **written}, what, pattern)
    before = [name for group in left for name in group]
    after = [name for group in right for name in group]
    lost, new = set(before) - set(after), [name for name in after if name not in before]
    if (lost and what != "reduce") or (new and what != "repeat") or any(name not in sizes for name in after):
        _fail(what, pattern, tensor)
    result = tensor.reshape([sizes[name] for name in before])
    if lost:
        result = _reduced(result, [before.index(name) for name in before if name in lost], reduction)
    kept = [name for name in before if name not in lost]
    for name in new:
        result = result.unsqueeze(-1).expand(*result.shape, sizes[name])
    order = [*kept, *new]
    result = result.permute([order.index(name) for name in after])
    return result.reshape([math.prod(sizes[name] for name in group) for group in right])


_SEVERAL = [""]
_TOKEN = re.compile(r"\(([^()]*)\)|(\S+)")


def _groups(side: str, mark: str = "") -> Groups:
    """The axes of one side; those in parentheses together, none for a 1. An ellipsis on its own is `_SEVERAL`.

    A literal size, such as the 2 in `(h 2)`, is a separate axis: `#r2.0`.
    """
    groups: Groups = []
    count = itertools.count()
    for match in _TOKEN.finditer(side.replace("…", "...")):
        names = match[1].split() if match[1] is not None else ["" if match[2] == "..." else match[2]]
        groups.append([f"#{mark}{name}.{next(count)}" if name.isdigit() else name for name in names if name != "1"])
    return groups


def _without_ellipsis(
    left: Groups, right: Groups, tensor: torch.Tensor, what: str, pattern: str
) -> tuple[Groups, Groups]:
    """With names for the axes that the ellipsis takes."""
    count = tensor.ndim - len(left) + 1
    if _SEVERAL not in left:
        if count != 1:
            _fail(what, pattern, tensor)
        return left, right
    if count < 0:
        _fail(what, pattern, tensor)
    names = [f"...{index}" for index in range(count)]

    def spread(groups: Groups) -> Groups:
        out: Groups = []
        for group in groups:
            if group == _SEVERAL:
                out.extend([name] for name in names)
            else:
                out.append([axis for name in group for axis in (names if name == "..." else [name])])
        return out

    return spread(left), spread(right)


def _sizes(left: Groups, tensor: torch.Tensor, sizes: Sizes, what: str, pattern: str) -> Sizes:
    """The size of each axis; what is not given is what is left of its group."""
    for group, size in zip(left, tensor.shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1 or (not unknown and known != size) or (unknown and (not known or size % known)):
            _fail(what, pattern, tensor)
        sizes.update({name: size // known for name in unknown})
    return sizes


def _reduced(tensor: torch.Tensor, axes: list[int], reduction: str | Callable[..., Any] | None) -> torch.Tensor:
    if callable(reduction):
        result: torch.Tensor = reduction(tensor, tuple(axes))
        return result
    if reduction in ("max", "min"):
        return tensor.amax(axes) if reduction == "max" else tensor.amin(axes)
    if reduction == "mean":
        return tensor.mean(axes)
    if reduction == "sum":
        return tensor.sum(axes)
    for axis in sorted(axes, reverse=True):
        tensor = getattr(tensor, str(reduction))(axis)
    return tensor


def _fail(what: str, pattern: str, tensor: torch.Tensor) -> NoReturn:
    shape = tuple(tensor.shape)
    raise EinopsError(f'Error while processing {what}-reduction pattern "{pattern}". Input tensor shape: {shape}.')
