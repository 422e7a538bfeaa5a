"""How a piece of a played script is left before its end."""

from __future__ import annotations

import ast
from typing import Any

from .doubt import Doubt


class LeftError(Exception):
    """A round of a loop is left by `break` or `continue`."""

    def __init__(self, by: type[ast.stmt]) -> None:
        self.by = by


class ReturnedError(Exception):
    """A function that is played returns a value."""

    def __init__(self, value: Any, doubt: Doubt) -> None:
        self.value = value
        self.doubt = doubt


class EndedError(Exception):
    """The script ends here, whatever is below."""
