"""Constructs classes whose arguments nothing states, or only in part: with guesses, improved by what is raised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..build.factories import leads_to
from ..build.guess_arguments import Invented, handed_on, in_colours, invented, repaired, switched
from ..build.partial_calls import PartialCall, completed
from ..load.classes import ModelClass
from ..load.load import Loaded
from ..process.file_clock import Clock
from .attempts import Attempts
from .class_coverage import Coverage, NotChecked
from .other_numbers import trust_what_fails_for_any
from .solve_constructions import accepted, fitting

_MOST_REPAIRS = 6


class Constructions:
    """Tries arguments for the classes of one file; `only_class` is the one that was requested."""

    def __init__(
        self,
        loaded: Loaded,
        classes: Sequence[ModelClass],
        attempts: Attempts,
        coverage: Coverage,
        only_class: str | None,
        clock: Clock,
    ) -> None:
        self._loaded = loaded
        self._classes = classes
        self._attempts = attempts
        self._coverage = coverage
        self._only_class = only_class
        self._clock = clock

    def complete(self, call: PartialCall) -> None:
        """Construct a class with the arguments of a call, guessing the unknown ones."""
        model = next((cls for cls in self._classes if cls.type is call.kind), None)
        if model is None:
            return
        open_names = {cls.name for cls in self._coverage.open(self._only_class)}
        if open_names & {model.name, *leads_to(model.name, self._loaded)} and not self._coverage.has(model):
            arguments = Invented(completed(call, self._loaded), sure=call.sure and not call.unknown)
            self._try(model, arguments, call)
            if call.sure:
                attempt = partial(self._try, model, stated=call)
                trust_what_fails_for_any(model, arguments, call.unknown, self._attempts, attempt)

    def invent(self, model: ModelClass) -> None:
        """Construct a class with guessed arguments, several if its channels and stride may vary."""
        plain, *others = invented(model.type, self._loaded)
        for arguments in (plain, *others):
            self._try(model, arguments)
        for arguments in others:
            self._switch(model, arguments)
        colours = in_colours(model.type, plain)
        if colours is not None and not self._attempts.runs(model):
            self._try(model, colours)
        if not self._attempts.runs(model):
            self._solve(model, plain)
        self._attempts.confirm_arguments(model)
        trust_what_fails_for_any(model, plain, plain.kwargs, self._attempts, partial(self._try, model))

    def _switch(self, model: ModelClass, arguments: Invented) -> None:
        """Try options of a class that works for some arguments and not for these: one may select the projection."""
        if self._attempts.runs(model) and self._attempts.fails(arguments):
            for option in switched(model.type, arguments):
                self._try(model, option)

    def _solve(self, model: ModelClass, plain: Invented) -> None:
        """Construct a class with the arguments that its errors lead to."""
        arguments = accepted(model, plain, self.evaluate, self._clock)
        if arguments is None:
            return
        if arguments.kwargs != plain.kwargs:
            self._coverage.tried_again(model, plain.call(model.name))
            self._try(model, arguments)
        for better in fitting(model, arguments, self._attempts):
            self._try(model, better)
            if self._attempts.runs(model):
                return

    def evaluate(self, call: str, namespace: dict[str, Any] | None = None) -> Callable[[], Any]:
        """What constructs the model of a call, in the namespace of the file unless another is given."""
        return lambda: eval(call, namespace or self._loaded.namespace)

    def _try(self, model: ModelClass, arguments: Invented, stated: PartialCall | None = None) -> None:
        """Construct and trace with guessed arguments, improving them as long as the constructor's errors allow.

        The arguments may complete a call that is partly `stated`.
        """
        namespace = {**self._loaded.namespace, **(stated.namespace if stated is not None else {})}
        for _ in range(_MOST_REPAIRS):
            call = arguments.call(stated.name if stated is not None else model.name)
            if arguments.unknown:
                names = ", ".join(f"`{name}`" for name in arguments.unknown)
                reason = f"nothing in this project constructs it, and no value for {names} could be inferred"
                self._coverage.failed(model, NotChecked("build", reason, call))
            error = self._attempts.build_and_feed(call, self.evaluate(call, namespace), model, arguments)
            if error is None:
                return
            better = repaired(arguments, error) or handed_on(arguments, error, model.type, self._loaded)
            if better is None:
                return
            self._coverage.tried_again(model, call)
            arguments = better
