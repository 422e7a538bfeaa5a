"""Derives the effect of common calls on the samples from their shapes, without an experiment.

Most calls in a model are among them; see `experiment` for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ..tracer.torch_functions import CHANNEL_NORMS, CONVOLUTIONS, TRANSPOSED, plain_name
from .dye import aligned

Dyed = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""The dyed operands, with their owners."""

Way = Callable[[tuple[Any, ...], Mapping[str, Any], Dyed, torch.Tensor], torch.Tensor | None]


def quick_owners(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: Any) -> Any:
    """The owners of the only result of a call; None if it requires an experiment."""
    way = _WAYS.get(func) or _WAYS_BY_NAME.get(plain_name(func))
    if way is None or not isinstance(result, torch.Tensor):
        return None
    return way(args, kwargs, dyed, result)


def _same_place(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """Elementwise calls: `x + y`, `relu(x)`."""
    spread = [aligned(owners, result.dim()) for _, owners in dyed]
    first = spread[0]
    full = all(size in (1, whole) for size, whole in zip(first.shape, result.shape, strict=True))
    return first if full and all(torch.equal(first, other) for other in spread[1:]) else None


def _along_batch(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """Calls that process the rows of the first axis independently, such as a convolution."""
    tensor, owners = dyed[0]
    is_input = len(dyed) == 1 and args and tensor is args[0]
    weight = args[1] if len(args) > 1 else kwargs.get("weight")
    lacks_batch = isinstance(weight, torch.Tensor) and weight.dim() > 2 and weight.dim() != tensor.dim()
    if not is_input or lacks_batch or tensor.dim() != result.dim() or any(size > 1 for size in owners.shape[1:]):
        return None
    return owners if tensor.shape[0] == result.shape[0] else None


def _padded(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Padding of other axes than that of the samples."""
    pad, axis = args[1] if len(args) > 1 else kwargs.get("pad", ()), _only_axis(dyed)
    if axis is None or result.dim() != dyed[0][0].dim():
        return None
    at = 2 * (result.dim() - 1 - axis)
    return None if any(pad[at : at + 2]) else dyed[0][1]


def _rolled(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """A roll along other axes than that of the samples."""
    dims, axis = args[2] if len(args) > 2 else kwargs.get("dims", ()), _only_axis(dyed)
    rolled = [dim % result.dim() for dim in ((dims,) if isinstance(dims, int) else dims or ())]
    return dyed[0][1] if axis is not None and rolled and axis not in rolled else None


def _only_axis(dyed: Dyed) -> int | None:
    """The axis of the samples in a single operand that is dyed along one axis; else None."""
    axes = [axis for axis, size in enumerate(dyed[0][1].shape) if size > 1]
    return axes[0] if len(dyed) == len(axes) == 1 else None


def _patches(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Calls that cut each image of a batch into patches, or put it together."""
    tensor, owners = dyed[0]
    if len(owners) != len(tensor) or len(tensor) != len(result) or any(size > 1 for size in owners.shape[1:]):
        return None
    return owners.reshape([-1, *[1] * (result.dim() - 1)])


def _all_but_last(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """Calls that process the rows of the last axis independently, such as a linear layer."""
    tensor, owners = dyed[0]
    is_input = len(dyed) == 1 and args and tensor is args[0]
    return owners if is_input and tensor.dim() == result.dim() and owners.shape[-1] == 1 and tensor.dim() > 1 else None


def _layer_norm(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    tensor, owners = dyed[0]
    normalized = args[1] if len(args) > 1 else kwargs.get("normalized_shape", ())
    over = tuple(owners.shape[tensor.dim() - len(normalized) :])
    return owners if len(dyed) == 1 and all(size == 1 for size in over) else None


def _softmax(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    tensor, owners = dyed[0]
    axis = args[1] if len(args) > 1 else kwargs.get("dim")
    return owners if isinstance(axis, int) and tensor.dim() > 1 and owners.shape[axis] == 1 else None


def _embedding(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    tensor, owners = dyed[0]
    return owners.unsqueeze(-1) if len(dyed) == 1 and args and tensor is args[0] else None


def _reduced(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Reductions along other axes than the batch."""
    tensor, owners = dyed[0]
    along = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
    axes = [along] if isinstance(along, int) else along
    if len(dyed) > 1 or not isinstance(axes, (list, tuple)) or any(owners.shape[axis] > 1 for axis in axes):
        return None
    if tensor.dim() == result.dim():
        return owners
    left = [size for axis, size in enumerate(owners.shape) if axis not in {other % tensor.dim() for other in axes}]
    return owners.reshape(left) if len(left) == result.dim() else None


def _product(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Matrix products, and attention, whose matrices don't contain the batch axis."""
    if any(owners.dim() < 3 or max(owners.shape[-2:]) > 1 for _, owners in dyed):
        return None
    return _same_place(args, kwargs, dyed, result)


def _normalized(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """`F.normalize(x, p, axis)`, by default along the second axis."""
    axis = args[2] if len(args) > 2 else kwargs.get("dim", 1)
    return _softmax((*args[:1], axis), {}, dyed, result)


def _rows(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Calls that keep the order of all values, such as a view: rows of the first axis stay, or are split or joined."""
    tensor, owners = dyed[0]
    if not args or tensor is not args[0] or any(size > 1 for size in owners.shape[1:]) or len(owners) != len(tensor):
        return None
    rows = _rows_of_size(owners.flatten(), result.shape[0] if result.dim() else 0)
    return rows.reshape([-1, *(1 for _ in result.shape[1:])]) if rows is not None else None


def _rows_of_size(owners: torch.Tensor, size: int) -> torch.Tensor | None:
    """The owners of an axis after it was split or joined with others; None if samples would be joined."""
    if size and size % len(owners) == 0:
        return owners.repeat_interleave(size // len(owners))
    if size and len(owners) % size == 0:
        joined = owners.reshape(size, -1)
        return joined[:, 0] if bool((joined == joined[:, :1]).all()) else None
    return None


def _indexed(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Numbers and slices as indices of other axes than that of the samples: `qkv[0]`, `x[:, ::2]`."""
    tensor, owners = dyed[0]
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    if len(dyed) > 1 or owners.dim() != tensor.dim() or not all(type(part) in (int, slice) for part in index):
        return None
    pairs = list(zip(index, owners.shape, strict=False))
    if any(size > 1 and part != slice(None) for part, size in pairs) or not result.numel():
        return None
    return owners[tuple(0 if type(part) is int else slice(None) for part, _ in pairs)]


def _expanded(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """The values of the first operand, repeated; of a second one only the shape counts."""
    return next((aligned(owners, result.dim()) for tensor, owners in dyed if args and tensor is args[0]), None)


def _concatenation(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """Tensors with the samples on one axis, side by side along another."""
    along = kwargs.get("dim", args[1] if len(args) > 1 else 0)
    first = dyed[0][1]
    apart = isinstance(along, int) and first.shape[along] == 1
    return first if apart and all(torch.equal(first, owners) for _, owners in dyed) else None


def _einsum(args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor) -> torch.Tensor | None:
    """Einstein sums with one letter for the batch: `bhid,bhjd->bhij`."""
    given, _, made = str(args[0]).replace(" ", "").partition("->")
    operands = args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
    terms = given.split(",")
    if "." in given or len(terms) != len(operands):
        return None
    letters = {
        (term[axis], tuple(owners.flatten().tolist()))
        for term, operand in zip(terms, operands, strict=True)
        for tensor, owners in dyed
        for axis, size in enumerate(owners.shape)
        if operand is tensor and size > 1
    }
    if len(letters) != 1:
        return None
    [(letter, samples)] = letters
    if made.count(letter) != 1 or any(term.count(letter) > 1 for term in terms):
        return None
    place = made.index(letter)
    owners = torch.tensor(samples, dtype=torch.uint8)
    return owners.reshape([-1 if axis == place else 1 for axis in range(len(made))])


def _unchanged(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], dyed: Dyed, result: torch.Tensor
) -> torch.Tensor | None:
    """Calls that mix samples by design, such as batch normalization."""
    return dyed[0][1] if len(dyed) == 1 and dyed[0][0].shape == result.shape else None


_POOLS = tuple(f"{kind}_pool{rank}d" for kind in ("avg", "max", "lp") for rank in (1, 2, 3))
_ADAPTIVE_POOLS = tuple(f"adaptive_{name}" for name in _POOLS)

_WAYS: Mapping[Any, Way] = {
    **dict.fromkeys(CONVOLUTIONS | TRANSPOSED, _along_batch),
    **dict.fromkeys(CHANNEL_NORMS, _along_batch),
    F.batch_norm: _unchanged,
    F.interpolate: _along_batch,
    **dict.fromkeys((F.unfold, F.fold), _patches),
    F.linear: _all_but_last,
    F.layer_norm: _layer_norm,
    F.embedding: _embedding,
    F.normalize: _normalized,
}

_SAME_PLACE = frozenset(
    {"add", "iadd", "radd", "sub", "isub", "rsub", "mul", "imul", "rmul", "div", "truediv", "itruediv", "rtruediv"}
    | {"relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh"}
    | {"sigmoid", "tanh", "softplus", "logsigmoid", "dropout", "dropout1d", "dropout2d", "dropout3d", "clone"}
    | {"exp", "log", "sqrt", "rsqrt", "pow", "abs", "neg", "sin", "cos", "clamp", "contiguous", "to", "float"}
    | {"detach", "half", "type_as", "maximum", "minimum", "where", "masked_fill", "square", "erf", "sign", "bool"}
    | {"eq", "ne", "lt", "gt", "le", "ge", "long", "int", "double", "bfloat16", "alpha_dropout"}
)

_WAYS_BY_NAME: Mapping[str, Way] = {
    **dict.fromkeys(_SAME_PLACE, _same_place),
    **dict.fromkeys((*_POOLS, *_ADAPTIVE_POOLS, "pixel_shuffle", "pixel_unshuffle"), _along_batch),
    **dict.fromkeys(("softmax", "log_softmax"), _softmax),
    **dict.fromkeys(("mean", "sum", "var", "std", "amax", "amin", "norm", "logsumexp", "prod"), _reduced),
    **dict.fromkeys(("matmul", "bmm", "rmatmul", "scaled_dot_product_attention"), _product),
    **dict.fromkeys(
        ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "reshape_as", "view_as"), _rows
    ),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenation),
    **dict.fromkeys(("expand", "expand_as"), _expanded),
    "getitem": _indexed,
    "pad": _padded,
    "roll": _rolled,
    "einsum": _einsum,
}
