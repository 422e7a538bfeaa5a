"""omegaconf, yacs, easydict, ml_collections, addict, munch: dictionaries whose entries are attributes as well."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

__all__ = [
    *("CfgNode", "ConfigDict", "Dict", "DictConfig", "EasyDict", "FrozenConfigDict", "ListConfig", "MISSING", "Munch"),
    *("OmegaConf", "munchify", "open_dict", "placeholder"),
]

MISSING: Any = "???"


class DictConfig(dict[str, Any]):
    """A dictionary with attributes; dictionaries inside it are of the same kind."""

    def __init__(self, content: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.update(content if content is not None else {}, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, _nested(value, type(self)))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __deepcopy__(self, memo: Any) -> DictConfig:
        return type(self)({key: _nested(value, type(self)) for key, value in self.items()})

    def clone(self) -> DictConfig:
        return type(self)(self)

    def freeze(self) -> None:
        """Nothing is to be kept from changes here."""

    defrost = lock = unlock = freeze

    def is_frozen(self) -> bool:
        return False

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)  # type: ignore[no-any-return]

    toDict = to_dict

    def merge_from_file(self, path: str) -> None:
        _merge(self, _read(path))

    def merge_from_list(self, values: list[Any]) -> None:
        for name, value in zip(values[::2], values[1::2], strict=True):
            *front, last = name.split(".")
            node = self
            for part in front:
                node = node[part]
            node[last] = value

    def merge_from_other_cfg(self, other: Mapping[str, Any]) -> None:
        _merge(self, other)

    def get_ref(self, name: str) -> Any:
        return self[name]


EasyDict = CfgNode = ConfigDict = FrozenConfigDict = Dict = Munch = DictConfig
ListConfig = list


class OmegaConf:
    """What makes and joins configurations."""

    @staticmethod
    def create(content: Any = None, *args: Any, **kwargs: Any) -> Any:
        return _nested(content if content is not None else {}, DictConfig)

    structured = create

    @staticmethod
    def load(path: Any) -> Any:
        return _nested(_read(path), DictConfig)

    @staticmethod
    def merge(*configurations: Any) -> Any:
        merged = DictConfig()
        for configuration in configurations:
            _merge(merged, _nested(configuration, DictConfig))
        return merged

    @staticmethod
    def from_cli(*args: Any) -> DictConfig:
        return DictConfig()

    @staticmethod
    def from_dotlist(values: Iterable[str]) -> DictConfig:
        made = DictConfig()
        for name, _, value in (assignment.partition("=") for assignment in values):
            made[name] = value
        return made

    @staticmethod
    def to_container(configuration: Any, *args: Any, **kwargs: Any) -> Any:
        return _plain(configuration)

    to_object = to_container

    @staticmethod
    def to_yaml(configuration: Any, *args: Any, **kwargs: Any) -> str:
        return json.dumps(_plain(configuration), default=str)

    @staticmethod
    def set_struct(*args: Any) -> None:
        """Nothing is to be kept from new keys here."""

    set_readonly = resolve = set_struct

    @staticmethod
    def register_new_resolver(*args: Any, **kwargs: Any) -> None:
        """References are not resolved here."""

    register_resolver = register_new_resolver

    @staticmethod
    def is_config(value: Any) -> bool:
        return isinstance(value, DictConfig)

    is_dict = is_config

    @staticmethod
    def select(configuration: Any, key: str, default: Any = None) -> Any:
        for part in key.split("."):
            configuration = configuration.get(part) if isinstance(configuration, dict) else None
        return default if configuration is None else configuration


class open_dict:
    """A context in which keys may be added."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration

    def __enter__(self) -> Any:
        return self._configuration

    def __exit__(self, *args: Any) -> None:
        """Nothing is to be undone."""


def munchify(value: Any) -> Any:
    return _nested(value, Munch)


def placeholder(kind: Any) -> None:
    """A value that is still to come."""


def _nested(value: Any, kind: type[DictConfig]) -> Any:
    if is_dataclass(value):
        value = _of_dataclass(value)
    if isinstance(value, Mapping) and not isinstance(value, DictConfig):
        return kind(value)
    if isinstance(value, list):
        return [_nested(item, kind) for item in value]
    return value


def _of_dataclass(value: Any) -> dict[str, Any]:
    if not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    found = {}
    for field in fields(value):
        if field.default is not NO_DEFAULT:
            found[field.name] = field.default
        elif field.default_factory is not NO_DEFAULT:
            found[field.name] = field.default_factory()
    return found


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _read(path: Any) -> Any:
    """The content of a YAML or JSON file. Raises ImportError where nothing here reads YAML."""
    text = path.read() if hasattr(path, "read") else Path(path).read_text(encoding="utf-8")
    if str(path).endswith(".json"):
        return json.loads(text)
    return importlib.import_module("yaml").safe_load(text) or {}
