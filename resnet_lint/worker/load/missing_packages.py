"""Stubs for packages that are not installed, so that models that don't need them can be traced.

The most common parts of some packages are reimplemented in `stand_ins/`. Any other attribute is a Missing, which works
as a base class, a decorator or a constant in definitions. Calling it returns a MissingLayer, which can be part of a
model. Passing a tensor to it raises NotInstalledError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ..stand_ins import stand_in_for


class NotInstalledError(ImportError):
    """The user's code needs a package that is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed")


# Packages whose classes are data classes and the like, never models.
_NEVER_MODELS = frozenset(
    {
        *("attr", "attrs", "pydantic", "pydantic_settings", "marshmallow", "msgspec", "omegaconf", "traitlets", "yacs"),
        *("gym", "gymnasium", "ray", "datasets", "sqlalchemy", "fastapi", "absl", "tensorflow", "keras", "sklearn"),
        *("typing_extensions", "dataclasses_json", "simple_parsing", "tyro", "cv2", "numpy", "pandas"),
    }
)


class Missing:
    """An attribute of a package that is not installed, with its full name."""

    def __init__(self, name: str) -> None:
        self.__name__ = self._name = name

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _called(self._name, args, kwargs)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """As the only base class, an nn.Module; with other base classes, a mixin that adds nothing."""
        modules = any(isinstance(base, type) and issubclass(base, nn.Module) for base in bases)
        if modules or bases[0] is not self or self._name.partition(".")[0] in _NEVER_MODELS:
            return ()
        return (MissingLayer,)

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __getitem__(self, key: object) -> Missing:
        return self  # Config[int], in an annotation

    def __or__(self, other: object) -> Any:
        return Any

    __ror__ = __or__


class MissingLayer(nn.Module):
    """The result of calling a Missing, and the base class of its subclasses; accepts any arguments."""

    _is_value = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self._name = type(self).__name__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not self._is_value:
            return super().__getattr__(name)
        return Missing(f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _called(self._name, args, kwargs) if self._is_value else super().__call__(*args, **kwargs)

    def __iter__(self) -> Iterator[Any]:
        raise NotInstalledError(self._name)

    def children(self) -> Iterator[nn.Module]:
        """The layers of a model that isn't here are unknown, and not none: `nn.Sequential(*net.children())`."""
        if self._is_value:
            raise NotInstalledError(self._name)
        return super().children()

    def train(self, mode: bool = True) -> MissingLayer:
        return self if self._is_value else super().train(mode)

    def apply(self, fn: Callable[[nn.Module], None]) -> MissingLayer:
        return self if self._is_value else super().apply(fn)

    def _apply(self, *args: Any, **kwargs: Any) -> MissingLayer:
        return self if self._is_value else super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]


def _called(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A decorator returns its argument, any other call a layer. Raises NotInstalledError for tensor arguments."""
    if any(isinstance(value, torch.Tensor) for value in (*args, *kwargs.values())):
        raise NotInstalledError(name)
    if len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], (nn.Module, Missing)):
        return args[0]
    # Python's error messages contain the type of a value.
    layer = type(name.rpartition(".")[2], (MissingLayer,), {"_is_value": True})()
    layer._name = name
    return layer


class _MissingModule(ModuleType):
    __path__: list[str] = []  # noqa: RUF012 - a package, so that submodules can be imported
    __version__ = "9999.0.0"  # passes version checks

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = stand_in_for(self.__name__.partition(".")[0])
        return (
            getattr(known, name) if known is not None and name in known.__all__ else Missing(f"{self.__name__}.{name}")
        )


def is_stand_in(value: object) -> bool:
    """Whether a value is from a package that is not installed."""
    return isinstance(value, (_MissingModule, MissingLayer)) or type(value) is Missing


class StandIns(MetaPathFinder, Loader):
    """Imports stubs for the packages in `packages`, if no other finder has them."""

    def __init__(self) -> None:
        self.packages: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name.partition(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _MissingModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


def serve_missing_packages() -> StandIns:
    """Install the finder for stubs, also for later imports inside functions."""
    stand_ins = StandIns()
    sys.meta_path.append(stand_ins)
    return stand_ins
