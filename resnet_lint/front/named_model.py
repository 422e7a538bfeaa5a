"""The model selected by `PATH[::Target]`, for the commands `run` and `trace`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..shared.errors import UsageError
from ..shared.records.requests import Target
from .options.configuration import Given
from .options.settings import Settings
from .source.contents import read_content
from .source.discover import SourceFile, discover
from .source.outline import Unreadable
from .user_targets import check_call, check_class, targets_of


@dataclass(frozen=True)
class Named:
    """The selected model: `argument` is the path for a check, `targets` its constructor calls and inputs."""

    argument: str
    file: SourceFile
    settings: Settings
    targets: tuple[Target, ...]


def named(argument: str, given: Given, cwd: Path, **defaults: object) -> Named:
    """Read `PATH[::Target]`; the target is a class or a function that returns a model.

    `defaults` are settings that the command line overrides. Raises UsageError if there is no such file or target, and
    ConfigError.
    """
    name, _, target = argument.partition("::")
    if (cwd / name).is_dir():
        raise UsageError(f"{name} is a directory; pass the file of the model, file.py or file.py::Class")
    [file] = discover([argument], cwd=cwd).files
    content = read_content(file.path, file.data)
    outline = content.outline
    if isinstance(outline, Unreadable):
        raise UsageError(f"{file.display}:{outline.line}: {outline.reason}")
    if target in outline.names - {cls.name for cls in outline.classes}:
        defaults, argument, file = {"call": f"{target}()", **defaults}, name, replace(file, only_class=None)
    settings = given.load(cwd, **defaults)
    check_class(file, outline)
    if settings.call is not None:
        check_call(settings.call, [(file, outline)])
    return Named(argument, file, settings, targets_of(file, outline, content.comments, settings))
