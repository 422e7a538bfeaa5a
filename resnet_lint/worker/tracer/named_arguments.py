"""Names the arguments of recorded calls, including positional ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# The signatures of torch functions whose arguments are used. `conv2d(x, weight, None, 2)` has `stride=2`.
_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
_AVG_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode")
_LP_POOL = ("input", "norm_type", "kernel_size", "stride", "ceil_mode")

_NAMES: Mapping[str, Sequence[str]] = {
    **{f"conv{axes}d": _CONVOLUTION for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": _TRANSPOSED for axes in (1, 2, 3)},
    **{f"max_pool{axes}d": _MAX_POOL for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": _AVG_POOL for axes in (1, 2, 3)},
    **{f"lp_pool{axes}d": _LP_POOL for axes in (1, 2, 3)},
    **dict.fromkeys(("cat", "concat", "concatenate"), ("tensors", "dim")),
    **dict.fromkeys(("transpose", "swapaxes"), ("input", "dim0", "dim1")),
    **dict.fromkeys(("squeeze", "unsqueeze"), ("input", "dim")),
    "softmax": ("input", "dim"),
    "einsum": ("equation",),
    "getitem": ("input", "index"),
    "interpolate": ("input", "size", "scale_factor"),
    "upsample": ("input", "size", "scale_factor"),
    "pad": ("input", "pad", "mode", "value"),
    "pixel_shuffle": ("input", "upscale_factor"),
}

# Parameters that accept several arguments or one tuple: `x.view(2, -1)` and `x.view((2, -1))`.
_VARIADIC: Mapping[str, str] = {"view": "size", "reshape": "size", "permute": "dims"}
_OTHER_NAMES = {"shape": "size"}


def named_arguments(function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call of `function` by name, without positional arguments of unknown name.

    Variadic sizes and dimensions are one tuple.
    """
    named = {_OTHER_NAMES.get(name, name): value for name, value in kwargs.items()}
    variadic = _VARIADIC.get(function)
    if variadic is None:
        return {**dict(zip(_NAMES.get(function, ()), args, strict=False)), **named}
    several = tuple(args[1:])
    if several:
        alone = several[0] if len(several) == 1 else None
        named[variadic] = tuple(alone) if isinstance(alone, (tuple, list)) else several
    return named
