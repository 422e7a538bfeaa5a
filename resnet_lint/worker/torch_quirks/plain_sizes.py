"""Avoids importing torch's symbolic sizes and sympy as long as all sizes are numbers.

Most kernels for meta tensors ask torch.fx.experimental.symbolic_shapes about sizes, as in `guard_or_false(size == 0)`.
It imports sympy: 450 modules together, a quarter of the time of importing torch. Of numbers, its functions return what
Python does. So a stub module implements these, and loads the real module for symbols, and on the first use of anything
else. Type promotion asks whether an operand is a sympy.Basic. There are none as long as sympy is not loaded, so another
stub answers that.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .already_loaded import AlreadyLoaded

_PACKAGE, _OWN = "torch.fx.experimental", "symbolic_shapes"
_SIZES, _SYMPY = f"{_PACKAGE}.{_OWN}", "sympy"
_PROMOTES_TYPES = "torch._prims_common"


def numbers_only() -> None:
    """Install the stubs; of modules that are loaded, only disable the search for frames."""
    if _SIZES in sys.modules:
        if not isinstance(sys.modules[_SIZES], _Sizes):
            _search_no_frames(sys.modules[_SIZES])
        return
    package = importlib.import_module(_PACKAGE)
    with suppress(ImportError):
        importlib.import_module(f"{_PACKAGE}._config")  # kernels use it, and rely on the real module to import it
    setattr(package, _OWN, _Sizes(_SIZES))
    sys.modules[_SIZES] = getattr(package, _OWN)
    spec = importlib.util.find_spec(_SYMPY)
    if spec is not None and _SYMPY not in sys.modules:
        sys.modules[_SYMPY] = _Sympy(spec)
        sys.meta_path.insert(0, _Submodules())


@contextmanager
def numbers_only_inside() -> Iterator[None]:
    """Install the stubs for the with block."""
    numbers_only()
    try:
        yield
    finally:
        sizes = sys.modules.get(_SIZES)
        if isinstance(sizes, _Sizes):
            del sys.modules[_SIZES]
            delattr(sys.modules[_PACKAGE], _OWN)
        elif sizes is not None:
            vars(sizes).update(_SEARCH)
            _SEARCH.clear()
        if isinstance(sys.modules.get(_SYMPY), _Sympy):
            _remove_sympy()


_SEARCH: dict[str, Any] = {}
"""What the search for frames was before it was disabled."""


def _search_no_frames(sizes: ModuleType) -> None:
    """Make symbolic sizes not search the call stack for a frame of the user.

    For that, they import the compiler, to list the files that are not the user's. Only torch's log messages use it.
    """
    name = "uninteresting_files"
    if name not in _SEARCH and hasattr(sizes, name):
        _SEARCH[name] = getattr(sizes, name)
        setattr(sizes, name, set)


def _real_sizes() -> ModuleType:
    if isinstance(sys.modules.get(_SIZES), _Sizes):
        del sys.modules[_SIZES]
        _search_no_frames(importlib.import_module(_SIZES))
    return importlib.import_module(_SIZES)


def _real_sympy() -> ModuleType:
    if isinstance(sys.modules.get(_SYMPY), _Sympy):
        _remove_sympy()
    return importlib.import_module(_SYMPY)


def _remove_sympy() -> None:
    del sys.modules[_SYMPY]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Submodules)]


class _Sizes(ModuleType):
    def __getattr__(self, name: str) -> Any:
        # The import system reads the spec of every module in sys.modules; this is not a use.
        if name in ("__spec__", "__file__", "__path__"):
            raise AttributeError(name)
        return _function(name) if name in _OF_NUMBERS else getattr(_real_sizes(), name)


def _function(name: str) -> Callable[..., Any]:
    of_numbers = _OF_NUMBERS[name]

    def function(*args: Any, **kwargs: Any) -> Any:
        result = of_numbers(*args) if args and not kwargs else NotImplemented
        return getattr(_real_sizes(), name)(*args, **kwargs) if result is NotImplemented else result

    return function


def _same(*numbers: Any) -> Any:
    return numbers[0] if len(numbers) == 1 and type(numbers[0]) in (bool, int) else NotImplemented


def _condition(*conditions: Any) -> Any:
    return conditions[0] if len(conditions) == 1 and type(conditions[0]) is bool else NotImplemented


def _all(*conditions: Any) -> Any:
    return all(conditions) if all(type(condition) is bool for condition in conditions) else NotImplemented


def _any(*conditions: Any) -> Any:
    return any(conditions) if all(type(condition) is bool for condition in conditions) else NotImplemented


def _are_equal(*shapes: Any) -> Any:
    if len(shapes) != 2 or not all(isinstance(shape, (list, tuple)) for shape in shapes):
        return NotImplemented
    if not all(type(size) is int for shape in shapes for size in shape):
        return NotImplemented
    return list(shapes[0]) == list(shapes[1])


def _has_hint(*numbers: Any) -> Any:
    return True if _same(*numbers) is not NotImplemented else NotImplemented


def _is_nested(*numbers: Any) -> Any:
    return False if _same(*numbers) is not NotImplemented else NotImplemented


_OF_NUMBERS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious"), _condition),
    "statically_known_true": _condition,
    "sym_and": _all,
    "sym_or": _any,
    "sym_eq": _are_equal,
    "guarding_hint_or_throw": _same,
    "has_guarding_hint": _has_hint,
    "is_nested_int": _is_nested,
}
"""What the functions return of numbers: conditions on sizes, shapes, sizes. NotImplemented for anything else."""


class _Sympy(ModuleType):
    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(_SYMPY)
        self.__spec__ = spec  # packages ask whether sympy is installed
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> Any:
        if name == "__file__":
            raise AttributeError(name)
        if name == "Basic" and sys._getframe(1).f_globals.get("__name__") == _PROMOTES_TYPES:
            return _NoOperand
        return getattr(_real_sympy(), name)


class _NoOperand:
    """In place of sympy.Basic, which has no instances yet."""


class _Submodules(MetaPathFinder):
    """Implements `import sympy.x` while the stub is installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(f"{_SYMPY}."):
            return None
        _real_sympy()
        importlib.import_module(name)
        return ModuleSpec(name, AlreadyLoaded())
