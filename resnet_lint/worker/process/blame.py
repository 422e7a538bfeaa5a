"""Decides whether an error that ended an analysis is a bug of resnet-lint or caused by the checked code."""

from __future__ import annotations

import sys
import sysconfig
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resnet_lint.shared.error_text import error_text

_TOOL = str(Path(__file__).parents[2])
_TORCH = str(Path(torch.__file__).parent) + "/"
_NOT_THE_USERS = (_TOOL, _TORCH, sysconfig.get_path("stdlib"), "<")


@dataclass(frozen=True)
class Blame:
    """What the checked code did, and its line if known."""

    reason: str
    path: str | None = None
    line: int | None = None


class Footing:
    """A snapshot of the functions and classes of all loaded modules, taken when this is created."""

    def __init__(self) -> None:
        self._before = [(owner, dict(vars(owner))) for owner in _owners()]

    def blame(self, error: BaseException) -> Blame | None:
        """How the user's code caused an error; None if it appears to be a bug of resnet-lint."""
        if isinstance(error, (MemoryError, RecursionError)):
            return Blame(error_text(error))
        place = _innermost(error)
        if place is not None and not place.f_code.co_filename.startswith(_NOT_THE_USERS):
            return Blame(error_text(error), place.f_code.co_filename, place.f_lineno)
        replaced = next(self._replaced(), None)
        return None if replaced is None else Blame(f"it replaces {replaced}, which resnet-lint needs itself")

    def _replaced(self) -> Iterator[str]:
        for owner, names in self._before:
            now = vars(owner)
            for name, value in names.items():
                new = now.get(name)
                if callable(value) and new is not value and not _is_ours(new) and not _is_wrapped_by_torch(new, value):
                    yield f"{owner.__name__}.{name}"


def _owners() -> Iterator[types.ModuleType | type]:
    yield from (torch.Tensor, nn.Module)
    yield from [module for module in sys.modules.values() if isinstance(module, types.ModuleType)]


def _is_ours(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith(__name__.partition(".")[0])


def _is_wrapped_by_torch(value: Any, original: Any) -> bool:
    """Whether torch has wrapped one of its functions, as torch._dynamo wraps manual_seed."""
    code = getattr(value, "__code__", None)
    return getattr(value, "__wrapped__", None) is original and code is not None and code.co_filename.startswith(_TORCH)


def _innermost(error: BaseException) -> types.FrameType | None:
    step, frame = error.__traceback__, None
    while step is not None:
        frame, step = step.tb_frame, step.tb_next
    return frame
