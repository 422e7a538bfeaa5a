"""Optional dependencies that are installed by extras."""

from __future__ import annotations

import importlib.util
import sys

from .errors import UsageError


def require(*modules: str, extra: str = "run") -> None:
    """Raise UsageError if a module is not installed, with the command that installs it."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"this requires {', '.join(missing)}, not installed in {sys.executable}; "
            f"install the extra: pip install 'resnet-lint[{extra}]'"
        )
