"""Readable names of operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from resnet_lint.shared.records.model_trace import ForwardStep

_LAYERS = {
    "conv1d": "convolution",
    "conv2d": "convolution",
    "conv3d": "convolution",
    "conv_transpose1d": "transposed convolution",
    "conv_transpose2d": "transposed convolution",
    "conv_transpose3d": "transposed convolution",
    "linear": "fully connected layer",
    "bilinear": "bilinear layer",
    "embedding": "embedding",
    "multi_head_attention_forward": "attention",
    "scaled_dot_product_attention": "attention",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn_tanh": "RNN",
    "rnn_relu": "RNN",
    "interpolate": "resize",
    "pixel_shuffle": "pixel shuffle",
    "cat": "concatenation",
    "concat": "concatenation",
    "concatenate": "concatenation",
}
_POOLS = {"max": "max pooling", "avg": "average pooling", "lp": "power-average pooling"}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ADDITIONS = frozenset({"add", "iadd", "radd"})


def layer_name(step: ForwardStep) -> str | None:
    """The name of a layer; None for activations, normalizations and reshapes."""
    pool = _pool_name(step)
    return pool if pool is not None else _LAYERS.get(step.operation)


def _pool_name(step: ForwardStep) -> str | None:
    kind, is_pool, _ = step.operation.removeprefix("adaptive_").partition("_pool")
    if not is_pool or kind not in _POOLS:
        return "global average pooling" if step.operation == "mean" and _ends_spatial(step) else None
    is_global = step.operation.startswith("adaptive_") and all(_is_point(tensor.shape) for tensor in step.outputs)
    return f"global {_POOLS[kind]}" if is_global else _POOLS[kind]


def _is_point(shape: Sequence[int]) -> bool:
    return set(shape[2:]) <= {1}


def _ends_spatial(step: ForwardStep) -> bool:
    """Whether a mean reduces both spatial dimensions."""
    return all(len(tensor.shape) == 4 for tensor in step.inputs) and all(
        len(tensor.shape) == 2 or _is_point(tensor.shape) for tensor in step.outputs
    )


def in_words(names: Iterable[str]) -> str:
    """Names with their counts: `two convolutions and max pooling`."""
    counted = [_counted(name, number) for name, number in Counter(names).items()]
    return " and ".join(filter(None, (", ".join(counted[:-1]), *counted[-1:])))


def _counted(name: str, number: int) -> str:
    if number == 1:
        return name if name.endswith(("ing", "attention", "resize", "shuffle")) else f"one {name}"
    figure = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return f"{figure} {plural(name)}"


def plural(name: str) -> str:
    """The plural of a name."""
    return f"{name} layers" if name.endswith(("pooling", "attention")) else f"{name}s"
