"""Proofs with symbols about the blocks of a file, within the file's time limit.

The modules that need torch's symbolic shapes are imported where they are used: few files need them, and they are large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from resnet_lint.shared.records.reports import Outcome
from resnet_lint.shared.records.requests import Prove

from ..explore.explore import Exploration
from ..load.classes import ModelClass
from ..load.load import Loaded
from ..process.file_clock import Clock
from ..process.limits import TimeUp
from ..tracer.trace import Trace

if TYPE_CHECKING:
    from .constructor_contract import ConstructorContract


def proofs(
    wanted: Prove | None, classes: Sequence[ModelClass], loaded: Loaded, found: Exploration, clock: Clock
) -> Iterator[Outcome]:
    """For which arguments the additions of a block are proved to work, or at least for which sizes."""
    model = next((model for model in classes if wanted is not None and model.type.__name__ == wanted.module), None)
    if wanted is None or model is None:
        return
    contract = contract_in_time(model, loaded, clock)
    if contract is not None:
        yield Outcome(str(wanted), contract.proved)
        return
    traces = [traced.trace for traced in found.traced if traced.label == wanted.target]
    if traces and all(_adds_at_any_size(model, trace, loaded, clock) for trace in traces):
        yield Outcome(str(wanted), "input size")


def contract_in_time(model: ModelClass, loaded: Loaded, clock: Clock) -> ConstructorContract | None:
    """The arguments that a block's additions accept; None where time is up, as this needs some seconds."""
    from .block_contract import block_contract

    with suppress(TimeUp), clock.one_attempt():
        return block_contract(model, loaded)
    return None


def _adds_at_any_size(model: ModelClass, trace: Trace, loaded: Loaded, clock: Clock) -> bool:
    from .all_sizes import adds_at_any_size

    with suppress(TimeUp), clock.one_attempt():
        return adds_at_any_size(model.type, trace, loaded.project)
    return False
