"""The Lightning callback. Importing this module imports Lightning: `pytorch_lightning` if only that is in use."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterable
from typing import Any, Literal

from torch import nn

from ..front.exit import fault_line
from ..live import check
from ..shared.errors import UsageError

_PACKAGES = ("lightning", "pytorch_lightning")


def _lightning() -> Any:
    """The package that the user has imported, else the one that is installed. Raises UsageError if there is none."""
    imported = [name for name in _PACKAGES if sys.modules.get(name) is not None]
    installed = [name for name in _PACKAGES if importlib.util.find_spec(name) is not None]
    for name in (*imported, *installed):
        return importlib.import_module("lightning.pytorch" if name == "lightning" else name)
    raise UsageError("ResnetLintCallback needs Lightning: pip install lightning")


_Callback: Any = _lightning().Callback


class ResnetLintCallback(_Callback):
    """Checks the models of a LightningModule at their first calls, before these run.

    `on_findings` is `"warn"`, or `"raise"` to stop the fit with FindingsError. Models are checked with the inputs of
    the first batch, as `training_step` or `validation_step` passes them. A model that cannot be checked is a warning.
    """

    def __init__(self, on_findings: Literal["warn", "raise"] = "warn") -> None:
        if on_findings not in ("warn", "raise"):
            raise UsageError(f'on_findings is "warn" or "raise", not {on_findings!r}')
        super().__init__()
        self.on_findings = on_findings
        self._waiting: dict[nn.Module, Any] = {}  # the handles of the hooks
        self._is_any_called = False

    def on_fit_start(self, trainer: Any, pl_module: nn.Module) -> None:
        """Wait for the first call of the module, or of the models in its attributes."""
        self._waiting[pl_module] = pl_module.register_forward_pre_hook(self._check_module, with_kwargs=True)
        for model in pl_module.children():
            if not _is_library(model):
                self._waiting[model] = model.register_forward_pre_hook(self._check, with_kwargs=True)

    def on_train_batch_end(self, trainer: Any, pl_module: nn.Module, *args: Any) -> None:
        """Stop waiting: the first batch calls every model."""
        if pl_module in self._waiting and not self._is_any_called:
            self._warn(pl_module, "training_step calls neither the module nor a model in its attributes")
        self._stop_waiting(self._waiting)

    def teardown(self, trainer: Any, pl_module: nn.Module, stage: str) -> None:
        self._stop_waiting(self._waiting)

    def _check_module(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if "forward" not in vars(module):  # distributed strategies replace it to call training_step
            self._check(module, args, kwargs)

    def _check(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._is_any_called = True
        self._stop_waiting(model.modules())
        try:
            report = check(model, *args, **kwargs)
        except UsageError as error:
            self._warn(model, str(error))
        except Exception as error:  # an internal error must not end the training
            self._warn(model, fault_line(error))
        else:
            if self.on_findings == "raise":
                report.raise_for_findings()
            elif not report.ok:
                warnings.warn(f"resnet-lint:\n{report}", stacklevel=2)

    def _warn(self, model: nn.Module, reason: str) -> None:
        warnings.warn(f"resnet-lint: {type(model).__name__} is not checked: {reason}", stacklevel=3)

    def _stop_waiting(self, models: Iterable[nn.Module]) -> None:
        for model in list(models):
            if (hook := self._waiting.pop(model, None)) is not None:
                hook.remove()


def _is_library(model: nn.Module) -> bool:
    """Whether a module consists of layers, losses and metrics of libraries only."""
    return all(type(part).__module__.partition(".")[0] in ("torch", "torchmetrics") for part in model.modules())
