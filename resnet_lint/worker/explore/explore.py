"""Explores a loaded file until all of its classes are traced: selects what to construct, and with which inputs.

In this order, until every class is covered: targets of the user; main blocks and tests of the file; factories;
constructors without required arguments; instances that the code of the file created; guessed arguments. Then the
remaining factories, as time permits, because a fault may depend on the arguments in one factory.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.evidence import Failure, LossCall, Problem
from resnet_lint.shared.notation import called_name
from resnet_lint.shared.records.requests import Request, Target

from ..build.factories import leads_to, mentions, novel_and_other, options_of
from ..build.guess_arguments import Invented, required_names
from ..build.main_block import Played, Scenario, documented, play, scenarios
from ..build.partial_calls import PartialCall, calls_in_functions
from ..examples.all_examples import examples
from ..load.classes import ModelClass, model_classes
from ..load.load import Loaded
from ..outside import OUTSIDE
from ..process.file_clock import Clock
from ..process.limits import TimeUp
from ..torch_quirks.where_built import noting_where_built
from .attempts import Attempts
from .class_coverage import Coverage, NotChecked
from .constructions import Constructions
from .other_methods import feed_other_methods
from .project_calls import ProjectCalls
from .stated_calls import StatedCalls
from .traced_model import Traced

# The share of the time limit for factories that cover no new classes.
_EXTRAS_SHARE = 0.5

_MOST_WITH_SWITCHES = 3


@dataclass(frozen=True)
class Exploration:
    """The result of exploring a file: traces, coverage, and notes for the user.

    `failures` are failing torch calls in the file outside of models, `losses` its losses; `certain` are errors that
    occur for any arguments and inputs; `ended` is where the script fails first. `callers` are the other files that were
    executed because they use this one.
    """

    traced: Sequence[Traced]
    coverage: Coverage
    notes: Sequence[str]
    failures: Sequence[Failure] = ()
    certain: Sequence[Problem] = ()
    callers: frozenset[str] = frozenset()
    losses: Sequence[LossCall] = ()
    ended: Problem | None = None


class Explorer:
    """Explores one file within its time limit."""

    def __init__(self, loaded: Loaded, classes: Sequence[ModelClass], request: Request, clock: Clock) -> None:
        self._loaded = loaded
        self._classes = classes
        self._request = request
        self._clock = clock
        self._coverage = Coverage(loaded, classes)
        self._attempts = Attempts(loaded, request, self._coverage, clock)
        self._constructions = Constructions(loaded, classes, self._attempts, self._coverage, request.only_class, clock)
        self._calls = StatedCalls(self._attempts, loaded)
        self._project = ProjectCalls(loaded, clock, self._calls.model)
        self._function = _function_named(request.only_class, loaded)
        self._notes: list[str] = []
        self._followed: set[str] = set()
        self._partial: list[PartialCall] = []
        self._novel, self._other = novel_and_other(loaded)
        self._with_switches = self._novel[:_MOST_WITH_SWITCHES]

    def explore(self) -> Exploration:
        """Run all stages; if time is up, return the results so far."""
        try:
            with self._clock.left(), noting_where_built(self._loaded.project):
                if self._function is not None:
                    self._function_asked_for(self._function)
                self._as_told()
                self._scenarios()
                self._run(self._whole_models())
                self._coverage.leave(self._attempts.too_slow)
                self._run(self._parts())
                feed_other_methods(self._classes, self._loaded, self._attempts, self._coverage)
                if not self._request.quick:
                    self._more_factories()
        except TimeUp:
            for model in self._open():
                self._coverage.failed(model, NotChecked("trace", self._clock.over))
        open_names = {model.name for model in self._open()}
        searches = [tried for name, tried in self._attempts.searches.items() if name in open_names]
        notes = [*self._notes, *self._attempts.notes, *searches, *self._project.notes]
        certain = [*self._attempts.certain.values()]
        return Exploration(
            self._attempts.traced,
            self._coverage,
            notes,
            self._calls.failures,
            certain,
            frozenset(self._project.paths),
            self._calls.losses,
            self._attempts.ended,
        )

    def _run(self, stages: Sequence[Callable[[], None]]) -> None:
        for stage in stages:
            if not self._open():
                break
            stage()

    def _whole_models(self) -> list[Callable[[], None]]:
        return [
            self._examples,
            self._docstrings,
            self._partial_calls,
            self._factories,
            self._default_constructors,
            self._factory_switches,
        ]

    def _parts(self) -> list[Callable[[], None]]:
        """Classes outside of the models that they belong to; not those of a model that was too slow to be traced."""
        return [
            self._instances_built,
            self._calls_elsewhere,
            self._calls_in_functions,
            self._invented_arguments,
        ]

    def _as_told(self) -> None:
        for target in self._request.targets:
            model = self._class_meant(target)
            if model is None and target.name is not None:
                self._notes.append(f"{target.origin} is ignored: {target.name} is not an nn.Module after import")
            elif model is not None and self._request.only_class in (None, model.name):
                self._follow(target, model)

    def _function_asked_for(self, name: str) -> None:
        """Construct the result of a function, called as the user specifies, or without arguments if it needs none."""
        target = next((t for t in self._request.targets if t.call and called_name(t.call) == name), None)
        missing = required_names(vars(self._loaded.module)[name])
        if target is None and missing:
            reason = f"nothing in the file calls it, and it needs {', '.join(missing)}"
            self._coverage.failures[name] = NotChecked("build", reason, f"{name}({', '.join(missing)})")
            return
        call = target.call if target is not None and target.call is not None else f"{name}()"
        inputs = next((t.inputs for t in self._request.targets if t.inputs), ())
        error = self._attempts.build_and_feed(call, self._constructions.evaluate(call), inputs=inputs)
        if error is not None:
            self._coverage.failures[name] = NotChecked("build", f"{call}: {error_text(error)}", call)

    def _follow(self, target: Target, model: ModelClass) -> None:
        """Construct and trace a class as the user specifies; if this fails, nothing else is tried."""
        if target.call is not None:
            inputs = self._attempts.inputs_told(target.name) if target.name is not None else target.inputs
            self._attempts.build_and_feed(target.call, self._constructions.evaluate(target.call), model, inputs=inputs)
        elif not required_names(model.type):
            self._attempts.build_and_feed(f"{model.name}()", model.type, model)
        failure = self._coverage.failures.get(model.name)
        wanted = {"build": target.call is not None, "trace": bool(target.inputs)}
        if failure is not None and wanted[failure.stage]:
            self._coverage.contradict(model, target)

    def _class_meant(self, target: Target) -> ModelClass | None:
        """The class that a target names or its call constructs."""
        if target.name is not None:
            return next((model for model in self._classes if model.name == target.name), None)
        open_models = self._open()
        if target.call is None or not open_models:
            return None
        return self._name_behind(called_name(target.call)) or open_models[0]

    def _scenarios(self) -> None:
        done: set[str | None] = set()
        for scenario in scenarios(self._loaded):
            if scenario.function in done - {None}:
                continue
            played = self._played(scenario)
            if self._calls.need_another_trial:
                with OUTSIDE.second_trial():
                    self._played(scenario)
            self._calls.compare()
            done |= played.functions
            self._partial += played.partial
            for module in played.built:
                self._attempts.feed_built(module, self._coverage.class_of(module))
            for module in played.doubtful:
                self._attempts.feed(self._attempts.label(module), module, arguments=Invented({}, sure=False))

    def _played(self, scenario: Scenario) -> Played:
        try:
            with self._clock.one_attempt():
                return play(scenario, self._loaded, self._calls.model, self._calls.torch, self._attempts.raised)
        except TimeUp as error:
            self._notes.append(f"{scenario.name} was skipped: {error}")
        except ImportError as error:  # the file has removed torch from sys.modules
            self._notes.append(f"{scenario.name} cannot be run: {error}")
        return Played([], frozenset())

    def _examples(self) -> None:
        """Models with example inputs in the file; these models are not traced with guessed inputs."""
        for example in examples(self._loaded):
            reach = leads_to(example.uses, self._loaded)
            if example.label in self._followed or not reach & {model.name for model in self._open()}:
                continue
            if self._attempts.follow(example, self._name_behind(example.uses)):
                self._followed.add(example.label)
                self._novel = [name for name in self._novel if name != example.uses]
                self._other = [name for name in self._other if name != example.uses]

    def _docstrings(self) -> None:
        """Models that the docstrings of the file build and feed; an example may leave out what it needs."""
        for scenario in documented(self._loaded):
            if self._open():
                for module in self._played(scenario).built:
                    self._attempts.feed(self._attempts.label(module), module, arguments=Invented({}, sure=False))

    def _partial_calls(self) -> None:
        """Classes that the file constructs with arguments that are partly unknown."""
        for call in self._partial:
            self._constructions.complete(call)

    def _calls_elsewhere(self) -> None:
        """Classes that other files of the project construct."""
        self._project.play(frozenset(model.name.rpartition(".")[2] for model in self._open()), self._caller)

    def _caller(self, played: Played, caller: Loaded) -> bool:
        """Trace the models that a caller has constructed; returns whether all classes are covered now."""
        self._calls.compare()
        for module in played.built:
            if self._uses_open(module):
                self._attempts.feed_built(module)
        for model in model_classes(caller):
            open_names = frozenset(cls.type.__name__ for cls in self._open())
            if mentions(model.name, open_names, caller) and not required_names(model.type):
                self._attempts.build_and_feed(f"{model.name}()", model.type)
        for call in played.partial:
            self._constructions.complete(call)
        return not self._open()

    def _uses_open(self, module: nn.Module) -> bool:
        open_types = {model.type for model in self._open()}
        return any(type(part) in open_types for part in nn.Module.modules(module))

    def _calls_in_functions(self) -> None:
        """Classes that are only constructed in functions that are never called."""
        if self._open():
            for call in calls_in_functions(self._loaded):
                self._constructions.complete(call)

    def _factories(self) -> None:
        """Novel factories of uncovered classes, the one that covers most first."""
        reach = {name: leads_to(name, self._loaded) for name in self._novel}
        while self._novel and self._open():
            open_names = {model.name for model in self._open()}
            best = max(self._novel, key=lambda name: len(reach[name] & open_names))
            if not reach[best] & open_names:
                break
            self._novel.remove(best)
            self._factory(best)

    def _factory(self, name: str) -> None:
        function = vars(self._loaded.module)[name]
        self._attempts.build_and_feed(f"{name}()", function, self._name_behind(name))

    def _default_constructors(self) -> None:
        # Models before their parts, because inside the model, a part gets its intended input.
        models = self._coverage.open(None)  # even if one class was requested, for the models that contain it
        reach = {model.name: leads_to(model.name, self._loaded) | {model.name} for model in models}
        for model in sorted(models, key=lambda model: -len(reach[model.name])):
            leads_on = reach[model.name] & {cls.name for cls in self._open()}
            if leads_on and not self._coverage.has(model) and not required_names(model.type):
                self._attempts.build_and_feed(f"{model.name}()", model.type, model)

    def _factory_switches(self) -> None:
        """Classes that are only constructed if an option of a factory is set, such as `features_only=True`."""
        for factory in self._with_switches:
            for option in options_of(factory, self._loaded):
                if {model.name for model in self._open()} & leads_to(factory, self._loaded):
                    self._switched(factory, option)

    def _switched(self, factory: str, option: str) -> None:
        """Construct a factory with an option. It may not support the option, so faults are not reported."""
        arguments = Invented({option: "True"}, sure=False)
        call = arguments.call(factory)
        self._attempts.build_and_feed(call, self._constructions.evaluate(call), None, arguments)

    def _instances_built(self) -> None:
        for model in self._open():
            instance, arguments = self._attempts.instances.get(model.type, (None, None))
            if instance is not None and not self._coverage.has(model):
                self._attempts.feed(self._attempts.label(instance), instance, model, arguments)

    def _invented_arguments(self) -> None:
        for model in self._open():
            if not self._coverage.has(model):
                self._constructions.invent(model)

    def _more_factories(self) -> None:
        """The options of the first factory, then the remaining factories, novel ones first, as time permits."""
        for factory in self._with_switches[:1]:
            for option in options_of(factory, self._loaded):
                self._switched(factory, option)
        names = [*self._novel, *self._other]
        while names and self._clock.spent < self._request.seconds * _EXTRAS_SHARE:
            self._factory(names.pop(0))
        if names:
            self._notes.append(f"not traced due to the time limit: {', '.join(names)}; a longer --timeout may help")

    def _open(self) -> list[ModelClass]:
        return self._coverage.open(self._request.only_class)

    def _name_behind(self, factory: str) -> ModelClass | None:
        """The single class that a factory constructs, to report a failure on it; None if there are several."""
        names = leads_to(factory, self._loaded)
        open_models = [model for model in self._open() if model.name in names]
        return open_models[-1] if open_models else None


def _function_named(name: str | None, loaded: Loaded) -> str | None:
    """The requested name, if it is that of a function and not of a class; else None."""
    value = getattr(loaded.module, name, None) if name is not None else None
    return name if inspect.isfunction(value) else None
