"""What can go wrong in one call of a forward: the kinds of fault, and the proof that it is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import fx, nn

from .calls import ModuleCall, mapped, tensors_in
from .place import Point

Kind = Literal["addition", "concatenation", "layer", "shrunk", "other"]

# What a wrong shape raises; anything else (a TypeError, say) is a mistake of another sort.
SHAPE_ERRORS = (RuntimeError, ValueError, IndexError, AssertionError)

ADDITIONS: frozenset[Any] = frozenset(
    {torch.add, torch.Tensor.add, torch.Tensor.add_, torch.Tensor.__add__, torch.Tensor.__radd__, torch.Tensor.__iadd__}
)
ELEMENTWISE: frozenset[Any] = ADDITIONS | frozenset(
    getattr(owner, name)
    for owner, names in (
        (torch, ("sub", "mul", "div", "maximum", "minimum")),
        (torch.Tensor, ("sub", "sub_", "mul", "mul_", "div", "div_")),
        (torch.Tensor, ("__sub__", "__rsub__", "__isub__", "__mul__", "__rmul__", "__imul__", "__truediv__")),
    )
    for name in names
)
CONCATENATIONS: frozenset[Any] = frozenset({torch.cat, torch.concat, torch.concatenate})
CONVOLUTIONS: frozenset[Any] = frozenset({F.conv1d, F.conv2d, F.conv3d})
TRANSPOSED: frozenset[Any] = frozenset({F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d})
CHANNEL_NORMS: frozenset[Any] = frozenset({F.batch_norm, F.instance_norm, F.group_norm})
LAST_DIMENSION_NORMS: frozenset[Any] = frozenset({F.layer_norm, *([F.rms_norm] if hasattr(F, "rms_norm") else [])})
# What layers say of their input: channels are its second axis, or its last.
CHANNELS_SECOND = CONVOLUTIONS | TRANSPOSED | CHANNEL_NORMS
FEATURES_LAST = LAST_DIMENSION_NORMS | {F.linear}
_TOO_SMALL = ("too small", "can't be greater than actual input", "Kernel size", "Padding size should be less")

# A proof allocates its operands for real; a larger one is left to torch's own word on the meta device.
_LARGEST_PROOF = 2**28


@dataclass(frozen=True, eq=False)
class Fault:
    """A call that fails: its node, the text of torch's error on the CPU, and the expression that is to blame."""

    kind: Kind
    node: fx.Node
    error: str
    point: Point
    call: ModuleCall
    layer: Layer | None


@dataclass(frozen=True)
class Layer:
    """The channels or features that a layer takes, in which dimension of its input, and the input's rank if fixed."""

    wanted: int
    dimension: int
    rank: int | None = None


class DataDependentError(Exception):
    """The shapes that follow depend on values that only a real run has; `possible` are those that some values give."""

    def __init__(
        self, reason: str = "its result depends on values that only a real run has", possible: Any = None
    ) -> None:
        super().__init__(reason)
        self.possible = possible


def layer_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Layer | None:
    """What the layer behind a call takes, read from its weights; None for a call that is no layer."""
    if isinstance(func, nn.Module):
        return _layer_of_module(func)
    weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
    if func in CONVOLUTIONS and isinstance(weight, torch.Tensor):
        groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
        return Layer(weight.shape[1] * groups, 1, weight.dim())
    if func in TRANSPOSED and isinstance(weight, torch.Tensor):
        return Layer(weight.shape[0], 1, weight.dim())
    if func is F.linear and isinstance(weight, torch.Tensor):
        return Layer(weight.shape[-1], -1)
    if func in CHANNEL_NORMS:
        sized = next(tensors_in([*args[1:], *kwargs.values()]), None)
        return Layer(sized.shape[0], 1) if sized is not None else None
    if func in LAST_DIMENSION_NORMS:
        normalized = kwargs.get("normalized_shape", args[1] if len(args) > 1 else None)
        return Layer(normalized[-1], -1) if normalized else None
    return None


def _layer_of_module(module: nn.Module) -> Layer | None:
    if isinstance(module, nn.RNNBase):
        return Layer(module.input_size, -1, 3)
    if isinstance(module, nn.RNNCellBase):
        return Layer(module.input_size, -1, 2)
    if isinstance(module, nn.MultiheadAttention):
        return Layer(module.embed_dim, -1, 3)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return Layer(module.num_features, 1, {"1d": 3, "2d": 4, "3d": 5}.get(type(module).__name__[-2:]))
    return None


def fed_wrongly(layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether an input of this shape has the wrong number of channels or features for the layer."""
    if not shape or (layer.dimension == 1 and len(shape) < 2):
        return True
    return shape[layer.dimension] != layer.wanted


def kind_of(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: str) -> Kind:
    """Which kind of fault a failed call is."""
    if func in ADDITIONS:
        return "addition"
    if func in CONCATENATIONS:
        return "concatenation"
    layer = layer_of(func, args, kwargs)
    if layer is not None and isinstance(args[0] if args else None, torch.Tensor) and fed_wrongly(layer, args[0].shape):
        return "layer"
    return "shrunk" if any(phrase in error for phrase in _TOO_SMALL) else "other"


def refuse_what_meta_lets_pass(func: Any, args: tuple[Any, ...]) -> None:
    """Raise the error that the CPU would: a transposed convolution on meta takes any number of channels."""
    if func in TRANSPOSED and args[0].dim() == args[1].dim() and args[0].shape[1] != args[1].shape[0]:
        raise RuntimeError(
            f"expected input to have {args[1].shape[0]} channels, but got {args[0].shape[1]} channels instead"
        )


def replay(func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str | None, Any]:
    """Make the failed call again with real tensors of the same shapes on the CPU.

    Returns (torch's error text, None) where it fails there too: that is the proof. Returns (None, result on meta) where
    it works, so that the meta device alone was the trouble. Raises DataDependentError where the result depends on
    values.
    """
    if sum(tensor.numel() for tensor in tensors_in([args, kwargs])) > _LARGEST_PROOF:
        raise DataDependentError("too large to be tried on the CPU")
    results = []
    for fill in (torch.zeros, torch.ones):
        real = mapped((args, kwargs), partial(_filled, fill))
        try:
            with torch.no_grad():
                results.append(func(*real[0], **real[1]))
        except NotImplementedError as error:
            raise DataDependentError(f"torch cannot run {_name(func)} on the CPU") from error
        except SHAPE_ERRORS as error:
            return str(error), None
    possible = mapped(results[1], lambda value: value.to("meta") if isinstance(value, torch.Tensor) else value)
    if _shapes(results[0]) != _shapes(results[1]):
        raise DataDependentError(possible=possible if next(tensors_in(possible), None) is not None else None)
    return None, possible


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", str(func))


def _filled(fill: Callable[..., torch.Tensor], value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return fill(value.shape, dtype=value.dtype, device="cpu")
    return torch.device("cpu") if isinstance(value, torch.device) else value


def _shapes(value: Any) -> Any:
    return mapped(value, lambda part: tuple(part.shape) if isinstance(part, torch.Tensor) else part)
