"""`trainer.fit(model, loader)` of Lightning as what it does with the model: its steps, each with the first batch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

# For each method of a trainer the steps that it takes, and the loader that the batches of each come from.
_STEPS: Mapping[str, Sequence[tuple[str, str]]] = {
    "fit": (("training_step", "train_dataloader"), ("validation_step", "val_dataloader")),
    "validate": (("validation_step", "val_dataloader"),),
    "test": (("test_step", "test_dataloader"),),
    "predict": (("predict_step", "predict_dataloader"),),
}
FIT = "_fit"  # the name of `fit` in the namespace of a script


def fits(call: ast.Call) -> bool:
    """Whether a call may be that of a trainer."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in _STEPS


def as_fit(call: ast.Call) -> ast.Call:
    """The call as one of `fit`: `_fit(trainer, "fit")(model, loader)`."""
    assert isinstance(call.func, ast.Attribute)
    function = ast.Call(ast.Name(FIT, ast.Load()), [call.func.value, ast.Constant(call.func.attr)], [])
    return ast.fix_missing_locations(ast.copy_location(ast.Call(function, call.args, call.keywords), call))


def fit(trainer: Any, method: str) -> Callable[..., Any]:
    """The steps of a LightningModule where one is given; of all else, the method itself."""

    def run(*args: Any, **kwargs: Any) -> Any:
        module, *loaders = args or (kwargs.get("model"),)
        if not isinstance(module, nn.Module) or not hasattr(module, "configure_optimizers"):
            return getattr(trainer, method)(*args, **kwargs)
        named = dict(zip(_names(method), loaders, strict=False)) | kwargs
        module.__dict__.setdefault("trainer", trainer)
        for step, loader in _STEPS[method]:
            batches = _batches(loader, module, named)
            if batches is not None and hasattr(module, step):
                getattr(module, step)(next(iter(batches)), 0)
        return None

    return run


def _names(method: str) -> Sequence[str]:
    return ("train_dataloaders", "val_dataloaders", "datamodule") if method == "fit" else ("dataloaders",)


def _batches(loader: str, module: nn.Module, given: Mapping[str, Any]) -> Any:
    """The loader of a step: that which the trainer is given, or that of a data module, or the model's own."""
    stated = given.get(f"{loader}s", given.get("dataloaders") if loader != "train_dataloader" else None)
    source = given.get("datamodule", module)
    if stated is not None and hasattr(stated, loader):  # a data module in place of the loaders
        source, stated = stated, None
    if stated is None:
        if source is not module and hasattr(source, "setup"):
            source.setup("fit")
        make = getattr(source, loader, None)
        stated = make() if callable(make) else None
    return stated[0] if isinstance(stated, (list, tuple)) and stated else stated
