"""Commands that need packages beyond those of a check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from resnet_lint.shared.errors import UsageError


@contextmanager
def require(extra: str) -> Iterator[None]:
    """Around the imports of the command with the name of an extra. Raises UsageError if a package is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("resnet_lint"):
            raise
        raise UsageError(f'this command needs an extra: pip install "resnet-lint[{extra}]"') from error
