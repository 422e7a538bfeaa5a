"""Hydra: a main function gets its configuration, and objects are made from the names in it."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any

from .configurations import DictConfig, OmegaConf

__all__ = ["compose", "get_class", "get_method", "initialize", "initialize_config_dir", "instantiate", "main"]


def main(
    version_base: Any = None, config_path: str | None = None, config_name: str | None = None, **kwargs: Any
) -> Callable[[FunctionType], FunctionType]:
    """A decorator that makes the configuration the default of the function's parameter."""

    def decorate(function: FunctionType) -> FunctionType:
        folder = Path(function.__code__.co_filename).parent / (config_path or ".")
        function.__defaults__ = (_composed(folder, config_name),)
        return function

    return decorate


def compose(config_name: str | None = None, overrides: list[str] | None = None, **kwargs: Any) -> DictConfig:
    """The configuration of a name in the folder that `initialize` says."""
    composed = _composed(_folders[-1], config_name)
    composed.merge_from_list([part for text in overrides or () for part in text.lstrip("+~").split("=", 1)])
    return composed


_folders: list[Path] = [Path()]


@contextmanager
def initialize(config_path: str | None = None, **kwargs: Any) -> Iterator[None]:
    """Inside the block `compose` looks in a folder, relative to the file that calls."""
    frame = inspect.stack()[2]
    with initialize_config_dir(str(Path(frame.filename).parent / (config_path or "."))):
        yield


@contextmanager
def initialize_config_dir(config_dir: str, **kwargs: Any) -> Iterator[None]:
    _folders.append(Path(config_dir))
    try:
        yield
    finally:
        _folders.pop()


def _composed(folder: Path, name: str | None) -> DictConfig:
    """The configuration of a file with the groups that its `defaults` name."""
    if name is None:
        return DictConfig()
    own = DictConfig(OmegaConf.load(folder / f"{name.removesuffix('.yaml')}.yaml"))
    defaults = own.pop("defaults", [])
    merged = DictConfig()
    for entry in [*defaults, *([] if "_self_" in defaults else ["_self_"])]:
        part = own if entry == "_self_" else _default(folder, entry)
        merged = OmegaConf.merge(merged, part)
    return merged


def _default(folder: Path, entry: Any) -> DictConfig:
    """`model: small` is model/small.yaml, below the key `model`; a name alone is a file beside."""
    if not isinstance(entry, dict):
        return _composed(folder, str(entry))
    [(group, choice)] = entry.items()
    words = group.split()
    if choice is None or words[0] == "override" or words[-1].startswith("hydra/"):
        return DictConfig()
    path = words[-1].partition("@")[0]
    found = _composed(folder / path, str(choice))
    for key in reversed(path.strip("/").split("/")):
        found = DictConfig({key: found})
    return found


def get_class(path: str) -> Any:
    """What a dotted path names. Raises ImportError and AttributeError."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


get_method = get_object = get_class


def instantiate(config: Any, *args: Any, **kwargs: Any) -> Any:
    """What `_target_` names, called with the other entries."""
    if not isinstance(config, dict) or "_target_" not in config:
        return config
    values = {key: _instantiated(value) for key, value in config.items() if not key.startswith("_")}
    call = functools.partial(get_class(config["_target_"]), *args, **{**values, **kwargs})
    return call if config.get("_partial_") else call()


def _instantiated(value: Any) -> Any:
    if isinstance(value, list):
        return [_instantiated(item) for item in value]
    return instantiate(value) if isinstance(value, dict) and "_target_" in value else value
