"""Keeps torch._dynamo from being imported where nobody needs it.

The first elementwise operation on a meta tensor goes through a function that torch wraps with `_disable_dynamo`. The
wrapper imports torch._dynamo (800 modules, over a second) only to ask for `disable(fn)`, which returns a version of
`fn` that the compiler leaves alone. While nothing is compiled, `fn` itself is that version. So a stand-in module
answers `disable` with the function, and hands over to the real module at the first use of anything else.

torchvision imports one function of torch._dynamo.utils, for a case that few models come to. It stands in as well, and
hands over when it is called: that halves the time that importing torchvision or timm takes.
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
    """Put the stand-in in place; does nothing where the real module is loaded or this torch works in another way."""
    if _NAME in sys.modules or not hasattr(torch, "_disable_dynamo"):
        return
    sys.modules[_NAME] = _StandIn(_NAME)
    sys.modules[_UTILS] = _Utils(_UTILS)
    sys.meta_path.insert(0, _Submodules())


class _StandIn(ModuleType):
    """Answers `disable`; any other attribute loads the real torch._dynamo, which takes over."""

    __path__: list[str] = []  # noqa: RUF012 - a package, so that imports of its submodules come to _Submodules

    @staticmethod
    def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, **options: Any) -> Callable[..., Any]:
        return fn if fn is not None else lambda function: function

    def __getattr__(self, name: str) -> Any:
        # The import system asks every module in sys.modules for its spec; that is no use of it.
        if name in ("__spec__", "__file__"):
            raise AttributeError(name)
        return getattr(_real(), name)


class _Utils(ModuleType):
    """Gives a function that loads the real module when it is called; any other attribute loads it at once."""

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
    """Serves `import torch._dynamo.x` while the stand-in is in place: loads the real package, then hands out its part.

    Without it, the import system would load the submodule a second time, beside the one that the package just loaded.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_NAME + ".") or not isinstance(sys.modules.get(_NAME), _StandIn):
            return None
        _real()
        # The import system prefers the spec that the loaded module carries, and would run that one again.
        spec = ModuleSpec(name, self)
        vars(importlib.import_module(name))["__spec__"] = spec
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """The module has run already."""


def _real() -> ModuleType:
    if isinstance(sys.modules.get(_NAME), _StandIn):
        del sys.modules[_NAME], sys.modules[_UTILS]
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Submodules)]
    module = importlib.import_module(_NAME)
    torch._dynamo = module
    return module
