"""The environment variables that code of users gets."""

from __future__ import annotations

import os

CACHE_KEY = "RESNET_LINT_CACHE_KEY"


def user_environment() -> dict[str, str]:
    """The variables of this process, without the key that signs shared results: code that is checked must not sign."""
    return {name: value for name, value in os.environ.items() if name != CACHE_KEY}
