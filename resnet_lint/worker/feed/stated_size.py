"""The image size that a model states: `in_size=(224, 224)` among the arguments of its constructor."""

from __future__ import annotations

import inspect
import re
from typing import Any

from torch import nn

from resnet_lint.graph.built_at import built_of

_NAME = re.compile(r"(in|input|img|image|crop)_?(size|shape|resolution|res)|resolution")
_SMALLEST, _LARGEST = 16, 1024  # not a number of channels or features, and not a photograph


def stated_size(module: nn.Module) -> tuple[int, int] | None:
    """The height and width of the images that a model is constructed for; None if it does not state them."""
    try:
        parameters = inspect.signature(type(module)).parameters.values()
    except (TypeError, ValueError):
        return None
    values = (_value_of(parameter, module) for parameter in parameters if _NAME.fullmatch(parameter.name.lower()))
    return next((size for value in values if (size := _as_size(value)) is not None), None)


def _value_of(parameter: inspect.Parameter, module: nn.Module) -> Any:
    """The attribute that holds an argument, or its default, if the call that constructs the model passes no other."""
    if parameter.name in vars(module):
        return vars(module)[parameter.name]
    built = built_of(module)
    passed = built is not None and any(parameter.name in point.text for point in built.chain)
    return parameter.empty if passed else parameter.default


def _as_size(value: Any) -> tuple[int, int] | None:
    """`224`, `(224, 224)` or `(3, 224, 224)` as height and width."""
    sizes = tuple(value)[-2:] if isinstance(value, (tuple, list)) and len(value) in (2, 3) else (value, value)
    if any(type(size) is not int or not _SMALLEST <= size <= _LARGEST for size in sizes):
        return None
    return sizes[0], sizes[1]
