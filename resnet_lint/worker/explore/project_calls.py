"""Finds out how other files of the project use the classes of a file, by executing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from resnet_lint.shared.error_text import error_text

from ..build.doubt import Doubt
from ..build.main_block import OnCall, Played, Scenario, play, scenarios
from ..build.partial_calls import PartialCall, calls_in_functions
from ..callers.find_callers import PAGE, find_callers
from ..callers.load_caller import UnusableCallerError, load_callers
from ..load.load import Loaded
from ..process.file_clock import Clock
from ..process.limits import TimeUp

_SHARE = 0.25  # of the time limit of an attempt
_MOST_SECONDS = 6.0  # for all callers together, except that the last one may take its share


class ProjectCalls:
    """Executes the callers of a file, one at a time; `paths` are the loaded ones, `notes` mention the skipped ones.

    Their model calls are passed to `on_call`. Failures in documentation are not reported.
    """

    def __init__(self, loaded: Loaded, clock: Clock, on_call: OnCall) -> None:
        self.paths: set[str] = set()
        self.notes: list[str] = []
        self._loaded = loaded
        self._clock = clock
        self._on_call = on_call

    def play(self, names: frozenset[str], on_played: Callable[[Played, Loaded], bool]) -> None:
        """Execute the files that call a class with one of these names, until `on_played` returns True."""
        began = self._clock.spent
        for path in find_callers(sorted(names), self._loaded):
            if self._clock.spent - began > _MOST_SECONDS:
                self._pass_over(path, "earlier callers took their time")
                continue
            self.paths.add(str(path))
            try:
                with self._clock.one_attempt(_SHARE):
                    for caller in load_callers(path, self._loaded, names):
                        raised: list[BaseException] = []
                        if on_played(self._played(caller, raised), caller):
                            return
                        if raised and path.suffix != PAGE:
                            self._pass_over(path, error_text(raised[0]), "was run in part")
            except TimeUp as error:
                self._pass_over(path, self._clock.why(error))
            except UnusableCallerError as error:
                self._pass_over(path, str(error))

    def _pass_over(self, path: Path, reason: str, what: str = "was skipped") -> None:
        self.notes.append(f"{path.relative_to(self._loaded.project.root)} {what}: {reason}")

    def _played(self, caller: Loaded, raised: list[BaseException]) -> Played:
        """The models that the scenarios of a caller construct, and their partial calls; adds what its calls raise."""
        built: list[nn.Module] = []
        partial: list[PartialCall] = []
        done: set[str] = set()
        is_page = caller.path.endswith(PAGE)
        for scenario in scenarios(caller):
            if scenario.function in done:
                continue
            played = self._one_played(replace(scenario, doubt=Doubt.CAUGHT) if is_page else scenario, caller, raised)
            built += played.built
            partial += played.partial
            done |= played.functions
        return Played(built, frozenset(done), [*partial, *calls_in_functions(caller)])

    def _one_played(self, scenario: Scenario, caller: Loaded, raised: list[BaseException]) -> Played:
        try:
            return play(scenario, caller, self._on_call, _ignored, lambda error, doubt: raised.append(error))
        except ImportError as error:  # the file has taken torch out of sys.modules
            self._pass_over(Path(caller.path), error_text(error))
        return Played([], frozenset())


def _ignored(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: str | None, doubt: Doubt
) -> None:
    """Ignore failing torch calls and losses of the caller, which are reported when it is checked itself."""
