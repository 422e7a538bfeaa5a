"""What an error of the user's code says, on one line."""

from __future__ import annotations

_MOST_CHARACTERS = 200


def said(error: BaseException) -> str:
    """The type and text of an error. Its `__str__` is the user's code too, and may fail."""
    try:
        text = " ".join(str(error).split())[:_MOST_CHARACTERS]
    except Exception:
        text = "an error that cannot be shown"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
