"""Symbolic proofs about the blocks of a file, within its time limit.

Modules that need torch's symbolic shapes are large and rarely needed, so they are imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.reports import Outcome
from resnet_lint.shared.records.requests import Prove

from ..explore.explore import Exploration
from ..load.classes import ModelClass
from ..load.load import Loaded
from ..process.file_clock import Clock
from ..process.limits import TimeUp

if TYPE_CHECKING:
    from .constructor_contract import ConstructorContract


def proofs(
    wanted: Prove | None, classes: Sequence[ModelClass], loaded: Loaded, found: Exploration, clock: Clock
) -> Iterator[Outcome]:
    """The arguments, or at least the sizes, for which the additions of a block are proved to work."""
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
    """The arguments that a block's additions accept; None if time is up, because this takes some seconds."""
    from .block_contract import block_contract

    with suppress(TimeUp), clock.one_attempt():
        return block_contract(model, loaded)
    return None


def _adds_at_any_size(model: ModelClass, trace: Trace, loaded: Loaded, clock: Clock) -> bool:
    from .all_sizes import adds_at_any_size

    with suppress(TimeUp), clock.one_attempt():
        return adds_at_any_size(model.type, trace)
    return False
