"""Builds modules on the meta device, and remembers for each the line that built it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..process.limits import TimeUp
from resnet_lint.graph.built_at import Built, built_of, note_built
from resnet_lint.graph.source_places import Point, Project, first_argument, point

_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


class _SkipInitialisation(TorchFunctionMode):
    """Leaves fresh tensors as they are: on the CPU, memory that nobody writes costs nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init" or getattr(func, "__name__", "") in _FILLS:
            return args[0] if args else (kwargs or {}).get("tensor")
        return func(*args, **(kwargs or {}))


_FILLS = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_", "xavier_uniform_"})


@contextmanager
def noting_where_built(project: Project) -> Iterator[None]:
    """Give every module that is made inside the block its Built."""
    original = nn.Module.__init__

    def init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if built_of(module) is None:
            built = _built(module, sys._getframe(1), project)
            if built is not None:
                note_built(module, built)
        original(module, *args, **kwargs)

    nn.Module.__init__ = init  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]


def _built(module: nn.Module, frame: FrameType | None, project: Project) -> Built | None:
    while frame is not None and first_argument(frame) is module:
        frame = frame.f_back
    chain: list[Point] = []
    owner = comprehension = None
    while frame is not None:
        code = frame.f_code
        if project.owns(code):
            if comprehension is None:
                chain.append(point(frame))
            # In a helper such as conv3x3(...), the line to look at is the one in the block that calls it.
            if owner is None and isinstance(first_argument(frame), nn.Module):
                owner = chain[-1]
            # Before Python 3.12 a comprehension is a frame of its own; its call stands in the function around it.
            if comprehension is None or comprehension in code.co_consts:
                comprehension = code if code.co_name in _COMPREHENSIONS else None
        frame = frame.f_back
    return Built(owner or chain[0], tuple(chain)) if chain else None


def build(make: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> nn.Module:
    """Call `make` so that it costs no memory: on meta, or on the CPU without initialisation where meta won't do.

    Some constructors fail on meta (`.item()`, copies of data). Raises what `make` raises, or TypeError where it returns
    something that is no module.
    """
    kwargs = kwargs or {}
    try:
        with torch.device("meta"):
            made = make(*args, **kwargs)
    except TimeUp:
        raise
    except Exception:
        with torch.device("cpu"), _SkipInitialisation():
            made = make(*args, **kwargs)
    if not isinstance(made, nn.Module):
        raise TypeError(f"it gives a {type(made).__name__}, not an nn.Module")
    return on_meta(made)


@contextmanager
def uninitialised() -> Iterator[None]:
    """Inside the block torch's layers leave their weights as they are: to draw them asks for numbers, not symbols."""
    originals = {layer: layer.reset_parameters for layer in _DRAWN}
    for layer in _DRAWN:
        layer.reset_parameters = lambda self: None
    try:
        with _SkipInitialisation():
            yield
    finally:
        for layer, original in originals.items():
            layer.reset_parameters = original


_DRAWN: tuple[Any, ...] = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear, nn.RNNBase)


def on_meta(module: nn.Module) -> nn.Module:
    """The module in evaluation mode (stochastic depth branches on random numbers in training), all tensors on meta."""
    return module.to("meta").eval()
