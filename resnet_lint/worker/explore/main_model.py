"""Selects the main model of a file, to show or to run: the first one that uses most classes of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.requests import TraceRequest

from ..build.guess_arguments import required_names
from ..load.classes import ModelClass, model_classes
from ..load.current_source import forget_files
from ..load.load import ImportFailure, Loaded, load
from ..process.file_clock import Clock
from ..torch_quirks.absent_environment import environment_made_up
from ..torch_quirks.uncompiled import uncompiled
from ..torch_quirks.where_built import noting_where_built
from .attempts import Attempts
from .explore import Exploration, Explorer
from .traced_model import Traced


@dataclass(frozen=True, eq=False)
class Candidates:
    """The traced models of a file; `classes` are the classes that it defines."""

    loaded: Loaded
    classes: Sequence[ModelClass]
    found: Exploration
    request: TraceRequest
    clock: Clock

    def best(self, wanted: Sequence[Traced]) -> Traced:
        """The model that uses most classes of the file."""
        own = {model.type for model in self.classes}

        def rank(traced: Traced) -> tuple[int, int]:
            kinds = {type(module) for _, module in traced.trace.root.named_modules()}
            return len(kinds & own), -traced.trace.trouble[0]

        return max(wanted, key=rank)


def candidates(request: TraceRequest) -> Candidates:
    """Load a file and trace its models. Raises UsageError if it cannot be imported."""
    forget_files()
    loaded = load(request.path, request.source)
    if isinstance(loaded, ImportFailure):
        raise UsageError(f"{request.path}:{loaded.span.start.line}: it cannot be imported: {loaded.reason}")
    classes, clock = model_classes(loaded), Clock(request.seconds)
    with environment_made_up():
        found = Explorer(loaded, classes, request, clock).explore()
        if request.call is not None and all(traced.label != request.call for traced in found.traced):
            found = _with_model_of(request.call, loaded, found, request, clock)
    return Candidates(loaded, classes, found, request, clock)


def _with_model_of(call: str, loaded: Loaded, found: Exploration, request: TraceRequest, clock: Clock) -> Exploration:
    """Add the model that a call constructs without a class of the file, such as a model of a library."""
    attempts = Attempts(loaded, request, found.coverage, clock)
    with noting_where_built(loaded.project):
        attempts.build_and_feed(call, lambda: eval(call, loaded.namespace))
    return replace(found, traced=[*found.traced, *attempts.traced])


def main_model(models: Candidates) -> tuple[Traced, list[str]]:
    """The main model, and the labels of the others. Raises UsageError if there is none."""
    call = models.request.call
    wanted = [traced for traced in models.found.traced if _is_wanted(traced, models)]
    if not wanted:
        if call is not None:
            evaluated(call, models.loaded)  # raises the error if it cannot be constructed
        raise UsageError(_why_none(models))
    best = models.best(wanted)
    others = list(dict.fromkeys(traced.label for traced in wanted if traced.label != best.label))
    return _fed_as_told(best, models), others


def _fed_as_told(chosen: Traced, models: Candidates) -> Traced:
    """The chosen model, fed the inputs that the user gives without naming a class, instead of those of the file."""
    attempts = Attempts(models.loaded, models.request, models.found.coverage, models.clock)
    inputs = attempts.inputs_told(None)
    if inputs:
        attempts.feed(chosen.label, chosen.trace.root, chosen.model_class, inputs=inputs)
    return attempts.traced[-1] if attempts.traced else chosen


def _is_wanted(traced: Traced, models: Candidates) -> bool:
    if models.request.call is not None:
        return traced.label == models.request.call
    name = models.request.only_class
    return name is None or any(m.name == name and type(traced.trace.root) is m.type for m in models.classes)


def _why_none(models: Candidates) -> str:
    found, name = models.found.coverage, models.request.only_class
    target = next((model for model in models.classes if model.name == name), None)
    if target is not None and target.name in found.how:
        arguments = ", ".join(f"{name}=..." for name in required_names(target.type))
        return (
            f"{target.name} was only traced as {found.how[target.name]}; specify a constructor call: "
            f"--call '{target.name}({arguments})'"
        )
    reasons = [f"{cls}: {why.reason}" for cls, why in found.failures.items() if name in (None, cls)]
    if models.found.ended is not None:
        reasons.append(f"line {models.found.ended.span.start.line} fails: {models.found.ended.reason}")
    return f"{models.request.path}: no model could be constructed and traced; {'; '.join(reasons) or 'it defines none'}"


ADVICE = "specify the constructor call: --call 'Net(...)'"


def evaluated(call: str, loaded: Loaded) -> object:
    """Evaluate a call on the current device. Raises UsageError with its exception."""
    try:
        with uncompiled():
            value: object = eval(call, loaded.namespace)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{call} cannot be constructed with real weights: {error_text(error)}; {ADVICE}") from error
    return value
