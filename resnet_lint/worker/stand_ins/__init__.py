"""Reimplements the most common parts of packages that are not installed, with correct shapes.

A file replaces one package or several similar ones; the names in its `__all__` can be imported from any of their
modules. Only exactly known behaviour is implemented, because reported errors may depend on it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType

_FILES: Mapping[str, str] = {
    "addict": "configurations",
    "detectron2": "detectron",
    "easydict": "configurations",
    "einops": "einops",
    "hydra": "hydra",
    "lightning": "lightning",
    "ml_collections": "configurations",
    "mmcv": "openmmlab",
    "mmengine": "openmmlab",
    "munch": "configurations",
    "omegaconf": "configurations",
    "pandas": "pandas",
    "pytorch_lightning": "lightning",
    "sklearn": "sklearn",
    "timm": "timm",
    "transformers": "transformers",
    "yacs": "configurations",
}


def stand_in_for(package: str) -> ModuleType | None:
    """The stub for a package; None if there is none."""
    file = _FILES.get(package)
    return importlib.import_module(f"{__name__}.{file}") if file is not None else None
