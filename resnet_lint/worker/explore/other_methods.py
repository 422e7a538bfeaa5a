"""Classes without a forward that nothing calls: their other methods, fed with invented inputs.

`forward_features(x)` and the like are called by code that is elsewhere. No error rests on that.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import FunctionType

from torch import nn

from ..build.guess_arguments import Invented, invented
from ..build.method_calls import entry_methods, with_forward
from ..feed.input_kinds import form_of
from ..load.classes import NO_FORWARD, ModelClass, misspelled_forward
from ..load.load import Loaded
from .attempts import Attempts
from .class_coverage import Coverage

_MOST_METHODS = 4


def feed_other_methods(classes: Sequence[ModelClass], loaded: Loaded, attempts: Attempts, coverage: Coverage) -> None:
    """Feed the methods that take one tensor, of each class that has no forward and is not covered."""
    for model in classes:
        if model.skipped == NO_FORWARD and not coverage.has(model) and model.name not in coverage.contradicted:
            if misspelled_forward(model, classes) is not None:
                continue
            methods = [m for m in entry_methods(model.type, loaded).values() if _takes_one(m)]
            arguments = invented(model.type, loaded)[0] if methods else None
            if arguments is None or arguments.unknown:
                continue
            call = arguments.call(model.name)
            unsure = Invented(arguments.kwargs, sure=False)
            for method in methods[:_MOST_METHODS]:
                attempts.build_and_feed(call, lambda c=call, m=method: _view(c, m, loaded), None, unsure)


def _view(call: str, method: FunctionType, loaded: Loaded) -> nn.Module:
    return with_forward(eval(call, loaded.namespace), method)


def _takes_one(method: FunctionType) -> bool:
    """Whether a method needs one tensor or batch, and at most the number of the batch."""
    needed = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty][1:]
    is_fed = bool(needed) and needed[0].annotation not in (int, str, bool)
    return is_fed and all(form_of(p) == "int" for p in needed[1:])
