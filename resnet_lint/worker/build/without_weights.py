"""Constructs models whose pretrained weights cannot be downloaded or are not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ..load.project_files import where_files_are
from ..process.limits import TimeUp
from .build import build
from .guess_arguments import parameter_names

_WITHOUT_WEIGHTS: Mapping[str, Any] = {"pretrained": False, "weights": None, "weights_backbone": None}


def built_without_weights(make: Callable[..., Any], root: str) -> nn.Module:
    """Construct a model without downloads.

    If it fails, try again in the folder of a file that it reads, or with parameters for pretrained weights disabled.
    """
    try:
        return where_files_are(lambda: build(make), root)
    except (TimeUp, FileNotFoundError):
        raise
    except Exception:
        off = {name: value for name, value in _WITHOUT_WEIGHTS.items() if name in parameter_names(make)}
        if not off:
            raise
        return build(make, (), off)
