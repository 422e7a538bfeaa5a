"""Traces the user's argument: a model, a class, or a function that returns a model."""

from __future__ import annotations

import inspect
import linecache
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_stack
from typing import Any

from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.error_text import error_text, is_about_dtypes
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.interactive import is_cell

from ..build.build import build
from ..explore.traced_model import Traced
from ..feed.feed import feed
from ..load.package import package_folder, project_root
from ..process.file_clock import Clock
from ..tensors import mapped
from ..torch_quirks.where_built import noting_where_built
from ..tracer.trace import trace
from .meta_copy import meta_copy, to_meta

_OWN = Path(__file__).parents[2]


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A model object, traced on a copy; `path` is the file of its class."""

    path: str
    project: Project
    traced: Traced
    clock: Clock


def live_model(given: object, args: tuple[Any, ...], kwargs: Mapping[str, Any], seconds: float) -> LiveModel:
    """Trace a model with these inputs, or with guessed ones if there are none. `seconds` is the time limit.

    Raises UsageError if `given` does not give a model, or the model does not accept the inputs.
    """
    linecache.checkcache()  # files may have changed since an earlier check
    has_alarm = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    clock = Clock(seconds) if has_alarm else _NoClock(seconds)
    if isinstance(given, nn.Module):
        module = meta_copy(given)
        label, path = type(module).__name__, _path_of_model(module)
        project = _project_of(path)
    else:
        path = _path_of(given)
        project = _project_of(path)
        module, label = _built(given, project)
    with clock.left():
        traced = _traced(module, args, kwargs, project, label)
    return LiveModel(str(path), project, traced, clock)


class _NoClock(Clock):
    """No time limit: on Windows, and in threads other than the main thread, which receive no signals."""

    def left(self) -> AbstractContextManager[None]:
        return nullcontext()

    def one_attempt(self, part: float = 1.0) -> AbstractContextManager[None]:
        return nullcontext()


def _traced(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], project: Project, label: str
) -> Traced:
    if not args and not kwargs and _wants_inputs(module):
        best, faults = feed(module, project, ())
        return Traced(label, best, faults, sizes_stated=False)
    found = trace(module, mapped(args, to_meta), mapped(dict(kwargs), to_meta), project)
    _require_fit(found, label, (*args, *kwargs.values()))
    return Traced(label, found, found.all_faults)


def _wants_inputs(module: nn.Module) -> bool:
    return bool(inspect.signature(module.forward).parameters)


def _require_fit(found: Trace, label: str, inputs: Sequence[object]) -> None:
    """Raise UsageError if forward() or the first layer does not accept the inputs."""
    stop = found.stop
    if (
        stop is not None
        and isinstance(stop.error, TypeError)
        and (stop.point is None or any(map(_is_no_tensor, inputs)))
    ):
        raise UsageError(f"{label} does not accept these inputs: {error_text(stop.error)}")
    for fault in found.all_faults:
        sources = {operand.kind for operand in fault.node.operands if operand.activation}
        if sources == {"input"} and (fault.kind == "layer" or is_about_dtypes(fault.error)):
            where = f"line {fault.point.span.start.line}"
            raise UsageError(f"the inputs do not fit {label}: {where}: {' '.join(fault.error.split())}")


def _is_no_tensor(value: object) -> bool:
    """Whether a value is passed where most models expect a tensor: an array, an image, a path."""
    return isinstance(value, (str, bytes)) or type(value).__module__.partition(".")[0] in ("numpy", "PIL")


def _built(given: object, project: Project) -> tuple[nn.Module, str]:
    name = getattr(given, "__qualname__", type(given).__name__)
    assert callable(given)
    if missing := _required(given):
        raise UsageError(f"{name} requires arguments ({', '.join(missing)}); construct the model first: {name}(...)")
    try:
        with noting_where_built(project):
            return build(given), f"{name}()"
    except Exception as error:
        raise UsageError(f"{name}() does not return a model: {error_text(error)}") from error


def _required(given: Callable[..., object]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(given).parameters.values()
    return [
        parameter.name for parameter in parameters if parameter.kind in kinds and parameter.default is parameter.empty
    ]


def _project_of(path: Path) -> Project:
    if is_cell(str(path)):
        path = Path.cwd() / path.name
    return Project(str(project_root(path, package_folder(path))))


def _path_of_model(model: nn.Module) -> Path:
    """The file of the outermost module whose class is the user's, else of a package, as in a model that peft wraps.

    For a model of torch's own layers, such as an nn.Sequential, it is the file that asks for the check. Raises
    UsageError if that is none, as in `python -c`.
    """
    kinds = [type(module) for module in nn.Module.modules(model) if not type(module).__module__.startswith("torch.")]
    if kinds:
        return _path_of(next((kind for kind in kinds if not _is_installed(kind)), kinds[0]))
    asking = next(name for frame, _ in walk_stack(None) if _OWN not in Path(name := frame.f_code.co_filename).parents)
    if is_cell(asking) or Path(asking).is_file():
        return Path(asking)
    raise UsageError(f"{type(model).__name__} consists of torch's own layers only, and there is no file to report")


def _is_installed(kind: type[nn.Module]) -> bool:
    code = getattr(kind.forward, "__code__", None)
    return code is None or bool({"site-packages", "dist-packages"} & set(Path(code.co_filename).parts))


def _path_of(given: object) -> Path:
    """The file of a class or function. Raises UsageError for anything else, and if it has no source file."""
    if isinstance(given, type) and issubclass(given, nn.Module):
        code = getattr(given.forward, "__code__", None)
    else:
        code = getattr(given, "__code__", None)
    if code is None:
        raise UsageError(f"{_described(given)} is not an nn.Module, nor a class or function that returns one")
    path = code.co_filename
    if is_cell(path):
        return Path(path)
    if path.startswith("<"):
        raise UsageError(f"the source of {getattr(given, '__qualname__', given)} is not in a file ({path})")
    return Path(path).absolute()


def _described(given: object) -> str:
    """A short value as it is, such as 3 or 'resnet18'; the name of a class; else the type of an object."""
    if isinstance(given, type):
        return f"the class {given.__qualname__}"
    shown = repr(given)
    is_short = len(shown) <= 40 and not {"\n", "<"} & set(shown)
    return shown if is_short else f"an object of type {type(given).__name__}"
