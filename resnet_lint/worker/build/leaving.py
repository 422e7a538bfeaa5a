"""Exceptions for leaving executed code early."""

from __future__ import annotations

import ast
from typing import Any

from .doubt import Doubt


class LeftError(Exception):
    """`break` or `continue` in a loop."""

    def __init__(self, by: type[ast.stmt]) -> None:
        self.by = by


class ReturnedError(Exception):
    """`return` in an executed function."""

    def __init__(self, value: Any, doubt: Doubt) -> None:
        self.value = value
        self.doubt = doubt


class EndedError(Exception):
    """The script exits."""
