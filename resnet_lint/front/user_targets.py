"""The constructor calls and inputs that the user specifies: on the command line, in comments, in the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..shared.errors import ConfigError, UsageError
from ..shared.notation import called_name
from ..shared.records.requests import Target
from ..shared.source_text import shown
from .options.settings import Settings
from .source.comments import Comments
from .source.discover import SourceFile
from .source.outline import Outline, Unreadable

_MOST_NAMES = 8


def targets_of(file: SourceFile, outline: Outline, comments: Comments, settings: Settings) -> tuple[Target, ...]:
    """The targets of a file. The command line takes precedence over comments, and comments over the configuration.

    Several targets of one class are merged: call and inputs each come from the first one that has them.
    """
    merged: dict[str, Target] = {}
    for target in (
        _options(file, outline, settings, given=True),
        *comments.targets,
        *(target for path, target in settings.targets if path == file.path),
        _options(file, outline, settings, given=False),
    ):
        if target.call is not None or target.inputs:
            key = target.name or target.origin
            merged[key] = _filled(merged[key], target) if key in merged else target
    return tuple(merged.values())


def _options(file: SourceFile, outline: Outline, settings: Settings, *, given: bool) -> Target:
    """The options `call` and `input`: those given on the command line, or those from the configuration."""
    call = settings.call if ("call" in settings.given) is given else None
    inputs = settings.input if ("input" in settings.given) is given else ()
    called = called_name(call) if call is not None else None
    constructed = called if called in {cls.name for cls in outline.classes} else None
    only = file.only_class if file.only_class in {cls.name for cls in outline.classes} else None
    return Target(only or constructed, call, inputs, "--call" if given else "call in [tool.resnet-lint]")


def _filled(first: Target, second: Target) -> Target:
    if first.call is None and second.call is not None:
        return replace(second, inputs=first.inputs or second.inputs)
    return replace(first, inputs=first.inputs or second.inputs)


def check_class(file: SourceFile, outline: Outline | Unreadable) -> None:
    """Raise UsageError if a file does not define the requested class or function."""
    if file.only_class is None or isinstance(outline, Unreadable):
        return
    names = [cls.name for cls in outline.classes]
    names += outline.functions
    if file.only_class not in names:
        choice = _nearest(file.only_class, names) or _listed(names)
        raise UsageError(f"{file.display} defines no nn.Module class or function {file.only_class}{choice}")


def check_call(call: str, wanted: Sequence[tuple[SourceFile, Outline | Unreadable]]) -> None:
    """Raise UsageError if a call is ambiguous: more than one file, or no such class or function in it."""
    function = called_name(call)
    if len(wanted) != 1 or not wanted[0][0].explicit:
        raise UsageError("--call requires a single file, file.py or file.py::Class")
    [(file, outline)] = wanted
    if file.only_class is None and isinstance(outline, Outline) and function not in outline.names:
        raise UsageError(f"--call: {file.display} defines no {function}; call one of its classes or functions")


def check_targets(settings: Settings, outlined: Sequence[tuple[SourceFile, Outline | Unreadable]]) -> None:
    """Raise ConfigError if the file of a configured target does not exist, or is checked and lacks the class."""
    outlines = {file.path: outline for file, outline in outlined}
    for path, target in settings.targets:
        outline = outlines.get(path)
        if not path.is_file():
            nearest = _nearest(_key(path, settings), [_key(other, settings) for other in outlines])
            raise ConfigError(f"{target.origin}: no such file: {_key(path, settings)}{nearest}")
        names = [cls.name for cls in outline.classes] if isinstance(outline, Outline) else [target.name]
        if target.name not in names:
            known = [str(name) for name in names]
            choice = _nearest(str(target.name), known) or _listed(known)
            raise ConfigError(f"{target.origin}: the file defines no nn.Module class {target.name}{choice}")


def _key(path: Path, settings: Settings) -> str:
    return shown(path, settings.root)


def _nearest(word: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _listed(names: Sequence[str]) -> str:
    """List the classes and functions of a file, as part of a message."""
    if not names:
        return "; it defines none"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"; it defines {', '.join(names[:_MOST_NAMES])}{more}"
