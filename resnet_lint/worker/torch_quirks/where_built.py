"""Records the source line that constructed each module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch import nn

from resnet_lint.graph.built_at import Built, built_of, note_built
from resnet_lint.graph.source_places import Point, Project, first_argument, point

_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


@contextmanager
def noting_where_built(project: Project) -> Iterator[None]:
    """Attach a `Built` record to every module that is constructed inside the with block."""
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
