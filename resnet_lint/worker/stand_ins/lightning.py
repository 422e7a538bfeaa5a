"""Lightning: its module, which is an nn.Module with hyperparameters and a logger."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch
from torch import nn

from .configurations import DictConfig

__all__ = ["LightningDataModule", "LightningModule", "seed_everything"]


def seed_everything(seed: int | None = None, *args: Any, **kwargs: Any) -> int:
    return seed or 0


class _Hyperparameters:
    """`hparams`, and what fills it from the arguments of the constructor that calls."""

    def save_hyperparameters(self, *args: Any, **kwargs: Any) -> None:
        frame = kwargs.get("frame") or sys._getframe(1)
        values = inspect.getargvalues(frame)
        names = [argument for argument in args if isinstance(argument, str)] or values.args[1:]
        found = {name: values.locals[name] for name in names if name in values.locals}
        if values.keywords is not None and not args:
            found |= values.locals[values.keywords]
        for given in args:
            found |= dict(given) if isinstance(given, dict) else vars(given) if hasattr(given, "__dict__") else {}
        ignored = kwargs.get("ignore") or ()
        kept = {name: value for name, value in found.items() if name not in ignored}
        object.__setattr__(self, "_hparams", DictConfig(kept))

    @property
    def hparams(self) -> DictConfig:
        if not hasattr(self, "_hparams"):
            object.__setattr__(self, "_hparams", DictConfig())
        return self._hparams  # type: ignore[no-any-return,attr-defined]


class LightningModule(_Hyperparameters, nn.Module):
    """A module that logs nowhere and has no trainer."""

    automatic_optimization = True
    current_epoch = global_step = 0
    trainer: Any = None
    logger: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    @property
    def device(self) -> torch.device:
        return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    def log(self, *args: Any, **kwargs: Any) -> None:
        """There is nowhere to log to."""

    log_dict = log

    def freeze(self) -> None:
        self.requires_grad_(False)

    def unfreeze(self) -> None:
        self.requires_grad_(True)

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: nothing reads the log."""


class LightningDataModule(_Hyperparameters):
    """The loaders of an experiment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def prepare_data(self) -> None:
        """Nothing is downloaded."""

    def setup(self, stage: str | None = None) -> None:
        """The user's to override."""
