"""What `torch.compile` compiles stays as it is: shapes are those of the Python code, which the tracer reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import nn

from .constant import constant


@contextmanager
def uncompiled() -> Iterator[None]:
    """Inside the with block, `torch.compile` returns what it gets, and `module.compile()` does nothing."""
    with ExitStack() as stack:
        for owner, name, replacement in substitutes():
            stack.enter_context(mock.patch.object(owner, name, replacement))
        yield


def substitutes() -> Iterator[tuple[Any, str, Any]]:
    """What to replace: owner, name and replacement."""
    yield torch, "compile", _same
    yield nn.Module, "compile", constant()


def _same(*args: Any, **kwargs: Any) -> Any:
    """Replaces `torch.compile(model)` and `@torch.compile(mode="max-autotune")`."""
    given = [*args, *(value for value in kwargs.values() if callable(value))]
    return given[0] if given else lambda decorated: decorated
