"""resnet-lint: a linter for skip connections in PyTorch models.

`check`, `trace` and `contract` take a model object. They are imported on first use, and torch with them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .live import Report, check, contract, trace

__version__ = "0.1.0"

# OWNER is a placeholder for the account that hosts the repository. To replace it everywhere, also in the docs:
# git grep -lz OWNER -- '*.md' '*.py' '*.toml' '*.yml' | xargs -0 sed -i 's#OWNER/resnet-lint#name/resnet-lint#g'
HOMEPAGE = "https://github.com/OWNER/resnet-lint"

__all__ = ["Report", "check", "contract", "trace"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.live"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext resnet_lint` in IPython and Jupyter: adds the magics `%resnet_lint` and `%%resnet_lint`."""
    importlib.import_module(f"{__name__}.integrations.ipython").load(shell)
