"""The one model that `PATH[::Target]` names, for the commands that look at a single one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..shared.errors import UsageError
from ..shared.records.requests import Target
from .options.configuration import Given
from .options.settings import Settings
from .source.discover import SourceFile, discover
from .source.outline import Unreadable, read_outline
from .user_targets import check_call, check_class, targets_of


@dataclass(frozen=True)
class Named:
    """A model as the user names it: `argument` is what a check would be given, and `targets` are all that is said."""

    argument: str
    file: SourceFile
    settings: Settings
    targets: tuple[Target, ...]


def named(argument: str, given: Given, cwd: Path, **usual: object) -> Named:
    """Read `PATH[::Target]`; a target is a class, or a function that gives a model.

    `usual` are settings that hold where the command line says nothing else. Raises UsageError where there is no such
    file or target, and ConfigError.
    """
    name, _, target = argument.partition("::")
    if (cwd / name).is_dir():
        raise UsageError(f"{name} is a folder; name the file of the model, as file.py or file.py::Class")
    [file] = discover([argument], cwd=cwd).files
    outline = read_outline(file.path)
    if isinstance(outline, Unreadable):
        raise UsageError(f"{file.display}:{outline.line}: {outline.reason}")
    if target in outline.names - {each.name for each in outline.classes}:
        usual, argument, file = {"call": f"{target}()", **usual}, name, replace(file, only_class=None)
    settings = given.load(cwd, **usual)
    check_class(file, outline)
    if settings.call is not None:
        check_call(settings.call, [(file, outline)])
    return Named(argument, file, settings, targets_of(file, outline, settings))
