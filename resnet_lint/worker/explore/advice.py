"""The one line that would help a class that could not be checked: a comment to paste above it."""

from __future__ import annotations

from torch import nn

from ..build.guess_arguments import invented
from ..feed.guess_inputs import BATCH, SIZES, required_inputs
from ..feed.input_kinds import form_of
from ..load.classes import ModelClass
from ..load.load import Loaded
from ..load.missing_packages import NotInstalledError
from .class_coverage import NotChecked


def advice(model: ModelClass, failure: NotChecked, loaded: Loaded) -> str:
    """The comment, filled with the values that came nearest, after a word on what it is for.

    No comment helps a class that needs a package which is not installed.
    """
    if NotInstalledError.__name__ in failure.reason:
        return "check it where the package is installed: resnet-lint --python PATH"
    call = failure.call
    if failure.stage == "build":
        return f"say above the class how to build it: # resnet-lint: call={call or _call(model, loaded)}"
    told = [f"call={call}"] if call is not None else []
    told += [f"input={each}" for each in (failure.inputs or _inputs(model.type))]
    return f"say above the class what to feed it: # resnet-lint: {' '.join(told)}"


def _call(model: ModelClass, loaded: Loaded) -> str:
    try:
        return invented(model.type, loaded)[0].call(model.name)
    except (TypeError, ValueError):  # Python has no signature for it
        return f"{model.name}()"


def _inputs(model: type[nn.Module]) -> list[str]:
    height, width = SIZES[0]
    return [
        f"{parameter.name}={BATCH}x3x{height}x{width}"
        for parameter in required_inputs(model)
        if form_of(parameter) == "tensor"
    ]
