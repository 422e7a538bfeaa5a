"""Formats exceptions of the user's code in one line."""

from __future__ import annotations

import re

_MOST_CHARACTERS = 200

_TORCH_OUT_OF_MEMORY = "can't allocate memory"

# "Input type (double) and bias type (float) should be the same", "mat1 and mat2 must have the same dtype"
_OF_DTYPES = re.compile(r"\bdtype\b|\bdatatype\b|scalar types?\b|\btype \([\w: ]+\)")


def error_text(error: BaseException) -> str:
    """The type and message of an exception. Its `__str__` is the user's code and may raise."""
    name = type(error).__name__[:_MOST_CHARACTERS]
    try:
        text = " ".join(str(error).split())[:_MOST_CHARACTERS]
    except Exception:
        text = "an error that cannot be shown"
    if isinstance(error, MemoryError) or _TORCH_OUT_OF_MEMORY in text:
        text = "it takes more than half of the machine's memory"
    return f"{name}: {text}" if text else name


def is_about_dtypes(text: str) -> bool:
    """Whether a message of torch is about dtypes rather than shapes."""
    return _OF_DTYPES.search(text) is not None
