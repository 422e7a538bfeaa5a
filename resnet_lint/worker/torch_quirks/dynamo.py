"""Avoids importing torch._dynamo when it is not needed.

The first elementwise operation on a meta tensor calls a function that torch wraps with `_disable_dynamo`. The wrapper
imports torch._dynamo (800 modules, over a second) only to call `disable(fn)`, which returns a version of `fn` that the
compiler does not trace. As long as nothing is compiled, this is `fn` itself. So a stub module implements `disable`,
and loads the real module on the first use of anything else.

Symbolic shapes need some submodules of torch._dynamo, such as `source`. These are loaded on their own, which takes a
sixth of the time of the package; any other submodule, as in `init_process_group`, loads the package. The log of the
compiler is disabled: by default it is not written anywhere, but its first message is formatted, with the call stack.

torchvision imports one function of torch._dynamo.utils that few models call. It is replaced by a stub too, which loads
the real module when called. This halves the import time of torchvision and timm.

In the process of the user, the stub is there during a check only. The wrappers keep what `disable` returned; they are
made to forget it, since the user may compile afterwards. The submodules stay, for the package to take over.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import torch

from .already_loaded import AlreadyLoaded
from .plain_sizes import numbers_only_inside

_NAME = "torch._dynamo"
_UTILS = "torch._dynamo.utils"
_LOG = "torch.__trace"
# What symbolic shapes import of the package. Other submodules import each other in a circle.
_ALONE = frozenset(
    {
        *("bytecode_analysis", "bytecode_transformation", "config", "exc", "graph_utils", "metrics_context"),
        *("source", "utils"),
    }
)


def stand_in() -> None:
    """Install the stub; a no-op if the real module is loaded, or this version of torch works differently."""
    if _NAME in sys.modules or not hasattr(torch, "_disable_dynamo"):
        return
    sys.modules[_NAME] = _StandIn(_NAME)
    sys.modules.setdefault(_UTILS, _Utils(_UTILS))
    sys.meta_path[:0] = [_Submodules(), *([] if any(map(_is_package_finder, sys.meta_path)) else [_Package()])]
    logging.getLogger(_LOG).handlers.clear()


@contextmanager
def stood_in() -> Iterator[None]:
    """Install the stub, and those of `plain_sizes`, for the with block."""
    handlers = list(logging.getLogger(_LOG).handlers)
    was_there = _NAME in sys.modules
    stand_in()
    try:
        with numbers_only_inside():
            yield
    finally:
        if not was_there:
            _remove_stubs()
            logging.getLogger(_LOG).handlers[:] = handlers


class _StandIn(ModuleType):
    """Implements `disable` and submodules; any other attribute loads the real package, which replaces the stub."""

    __path__: list[str] = []  # noqa: RUF012 - a package, so that _Submodules handles imports of its submodules

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.disabled: list[Callable[..., Any]] = []

    def disable(self, fn: Callable[..., Any] | None = None, recursive: bool = True, **options: Any) -> Any:
        if fn is None:
            return self.disable
        self.disabled.append(fn)
        return fn

    def forget(self) -> None:
        """Remove what the wrappers of torch keep, so that they call `disable` of the real module."""
        for fn in self.disabled:
            vars(fn).pop("__dynamo_disable", None)

    def __getattr__(self, name: str) -> Any:
        # The import system reads the spec of every module in sys.modules; this is not a use.
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        return importlib.import_module(f"{_NAME}.{name}") if name in _ALONE else getattr(_real(), name)


class _Utils(ModuleType):
    """Implements one function, which loads the real package when called; any other attribute loads the real module."""

    @staticmethod
    def is_compile_supported(device_type: Any) -> Any:
        _real()
        return importlib.import_module(_UTILS).is_compile_supported(device_type)

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__", "__path__"):
            raise AttributeError(name)
        if sys.modules.get(_UTILS) is self:
            del sys.modules[_UTILS]
        return getattr(importlib.import_module(_UTILS), name)


class _Submodules(MetaPathFinder):
    """Implements `import torch._dynamo.x` while the stub is installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        outer, _, own = name.rpartition(".")
        if outer != _NAME or not isinstance(sys.modules.get(_NAME), _StandIn):
            return None
        if own not in _ALONE:
            _real()
            if name in sys.modules:
                return ModuleSpec(name, AlreadyLoaded())
        return PathFinder.find_spec(name, [os.path.join(folder, "_dynamo") for folder in torch.__path__])


class _Package(MetaPathFinder):
    """Finds the real package; the submodules that were loaded on their own become its attributes."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(_NAME, torch.__path__)
        if spec is not None and spec.loader is not None:
            spec.loader = _AroundSubmodules(spec.loader)
        return spec


class _AroundSubmodules(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        parts = ((name.rpartition(".")[2], part) for name, part in sys.modules.items() if _is_part(name))
        vars(module).update(parts)
        self._loader.exec_module(module)


def _real() -> ModuleType:
    _remove_stubs()
    try:
        module = importlib.import_module(_NAME)
    except BaseException:  # a time limit: torch registers operators during the import, so it cannot be repeated
        stand_in()
        raise
    torch._dynamo = module
    return module


def _remove_stubs() -> None:
    stub = sys.modules.get(_NAME)
    if isinstance(stub, _StandIn):
        stub.forget()
        del sys.modules[_NAME]
    if isinstance(sys.modules.get(_UTILS), _Utils):
        del sys.modules[_UTILS]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Submodules)]


def _is_package_finder(finder: object) -> bool:
    return isinstance(finder, _Package)


def _is_part(name: str) -> bool:
    return name.rpartition(".")[0] == _NAME
