"""What models need most of packages that are not installed, with the shapes of the real thing.

A file stands in for one package or several that are alike; what is in its `__all__` is found in any of their modules.
Only what is known exactly is here: an error may rest on it.
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
    "pytorch_lightning": "lightning",
    "timm": "timm",
    "transformers": "transformers",
    "yacs": "configurations",
}


def stand_in_for(package: str) -> ModuleType | None:
    """The stand-in for a package; None where there is none."""
    file = _FILES.get(package)
    return importlib.import_module(f"{__name__}.{file}") if file is not None else None
