"""What only some commands need, and is installed by an extra."""

from __future__ import annotations

import importlib.util
import sys

from .errors import UsageError


def require(*modules: str, extra: str = "run") -> None:
    """Raise UsageError where this interpreter lacks one of some modules, with what installs it."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"this needs {', '.join(missing)}, which {sys.executable} does not have; "
            f"install the extra: pip install 'resnet-lint[{extra}]'"
        )
