"""Whether code runs inside `torch.autocast`, which on a GPU makes the types of operands equal.

Without a GPU, `torch.autocast("cuda")` switches itself off, and torch does not tell that the code is inside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

_enter, _exit = torch.autocast.__enter__, torch.autocast.__exit__
_depth = 0


def autocasts() -> bool:
    """Whether the current call is inside of `torch.autocast`, for whatever device."""
    return _depth > 0


def substitutes() -> Iterator[tuple[Any, str, Any]]:
    """What to replace: owner, name and replacement."""
    yield torch.autocast, "__enter__", _entered
    yield torch.autocast, "__exit__", _left


def _entered(block: torch.autocast) -> Any:
    global _depth
    _depth += 1
    return _enter(block)  # type: ignore[no-untyped-call]


def _left(block: torch.autocast, *error: Any) -> Any:
    global _depth
    _depth -= 1
    return _exit(block, *error)
