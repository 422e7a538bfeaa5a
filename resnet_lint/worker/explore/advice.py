"""Suggests a comment that makes an unchecked class checkable."""

from __future__ import annotations

from torch import nn

from ..build.guess_arguments import invented
from ..feed.guess import BATCH
from ..feed.guess_inputs import SIZES, required_inputs
from ..feed.input_kinds import form_of
from ..load.classes import ModelClass
from ..load.load import Loaded
from ..load.missing_packages import NotInstalledError
from .class_coverage import NotChecked


def advice(model: ModelClass, failure: NotChecked, loaded: Loaded) -> str:
    """The comment to add, with the arguments and inputs that got furthest, or the option for another environment.

    A comment cannot help if a package is not installed.
    """
    if NotInstalledError.__name__ in failure.reason:
        return "use an environment that has the package: resnet-lint --python PATH"
    call = failure.call
    if failure.stage == "build":
        return f"add a comment above the class: # resnet-lint: call={call or _call(model, loaded)}"
    directives = [f"call={call}"] if call is not None else []
    directives += [f"input={text}" for text in (failure.inputs or _inputs(model.type))]
    return f"add a comment above the class: # resnet-lint: {' '.join(directives)}"


def _call(model: ModelClass, loaded: Loaded) -> str:
    try:
        return invented(model.type, loaded)[0].call(model.name)
    except (TypeError, ValueError):  # it has no signature
        return f"{model.name}()"


def _inputs(model: type[nn.Module]) -> list[str]:
    height, width = SIZES[0]
    return [
        f"{parameter.name}={BATCH}x3x{height}x{width}"
        for parameter in required_inputs(model)
        if form_of(parameter) == "tensor"
    ]
