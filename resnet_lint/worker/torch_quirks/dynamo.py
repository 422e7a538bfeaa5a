"""Avoids importing torch._dynamo when it is not needed.

The first elementwise operation on a meta tensor calls a function that torch wraps with `_disable_dynamo`. The wrapper
imports torch._dynamo (800 modules, over a second) only to call `disable(fn)`, which returns a version of `fn` that the
compiler does not trace. As long as nothing is compiled, this is `fn` itself. So a stub module implements `disable`,
and loads the real module on the first use of anything else.

torchvision imports one function of torch._dynamo.utils that few models call. It is replaced by a stub too, which loads
the real module when called. This halves the import time of torchvision and timm.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch

_NAME = "torch._dynamo"
_UTILS = "torch._dynamo.utils"


def stand_in() -> None:
    """Install the stub; a no-op if the real module is loaded, or this version of torch works differently."""
    if _NAME in sys.modules or not hasattr(torch, "_disable_dynamo"):
        return
    sys.modules[_NAME] = _StandIn(_NAME)
    sys.modules[_UTILS] = _Utils(_UTILS)
    sys.meta_path.insert(0, _Submodules())


class _StandIn(ModuleType):
    """Implements `disable`; any other attribute loads the real torch._dynamo, which replaces the stub."""

    __path__: list[str] = []  # noqa: RUF012 - a package, so that _Submodules handles imports of its submodules

    @staticmethod
    def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, **options: Any) -> Callable[..., Any]:
        return fn if fn is not None else lambda function: function

    def __getattr__(self, name: str) -> Any:
        # The import system reads the spec of every module in sys.modules; this is not a use.
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        return getattr(_real(), name)


class _Utils(ModuleType):
    """Implements one function, which loads the real module when called; any other attribute loads it immediately."""

    @staticmethod
    def is_compile_supported(device_type: Any) -> Any:
        _real()
        return importlib.import_module(_UTILS).is_compile_supported(device_type)

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__", "__path__"):
            raise AttributeError(name)
        _real()
        return getattr(importlib.import_module(_UTILS), name)


class _Submodules(MetaPathFinder, Loader):
    """Implements `import torch._dynamo.x` while the stub is installed: loads the real package, returns its submodule.

    Otherwise the import system would load the submodule twice, because the package has already loaded it.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_NAME + ".") or not isinstance(sys.modules.get(_NAME), _StandIn):
            return None
        _real()
        # The import system prefers the spec of the loaded module, and would execute it again.
        spec = ModuleSpec(name, self)
        vars(importlib.import_module(name))["__spec__"] = spec
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has been executed already."""


def _real() -> ModuleType:
    if isinstance(sys.modules.get(_NAME), _StandIn):
        del sys.modules[_NAME], sys.modules[_UTILS]
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Submodules)]
    module = importlib.import_module(_NAME)
    torch._dynamo = module
    return module
