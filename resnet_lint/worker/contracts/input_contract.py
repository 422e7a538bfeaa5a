"""The input contract of a model: the sizes that it accepts.

The guards of a symbolic trace determine which sizes take the same path through the model, and a few runs per path
decide whether it accepts them. If both sides of a branch are accepted, the guard adds no condition.
"""

from __future__ import annotations

from collections.abc import Sequence

from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.contracts import Condition, Contract, InputContract

from ..sizes.axis_names import own_names
from ..sizes.compiled_sizes import Predicate, predicates
from ..sizes.size_conditions import size_condition
from ..symbolic.symbolic_trace import SymbolicTrace
from .search_sizes import Accepted, Search, SizesFound
from .try_sizes import Trials


def contract_of(earlier: Trace, symbolic: SymbolicTrace) -> Contract:
    """The contract of a model from its concrete and symbolic trace; needs some dozens of runs on meta."""
    names = own_names(symbolic.axes)
    axes = [[names[axis.symbol] for axis in axes] for axes in symbolic.axes]
    hints = {names[axis.symbol]: axis.hint for axes in symbolic.axes for axis in axes}
    guards = predicates(symbolic.guards, names)
    trials = Trials(earlier, axes, hints, _folded_batch(guards, axes))
    found = Search(trials, guards).found()
    conditions = tuple(_conditions(found, trials))
    doubt = found.doubt
    if symbolic.trace.stop is not None:
        doubt = doubt or f"the symbolic trace ended early: {symbolic.trace.stop.reason}"
    return Contract(_inputs(symbolic, axes, found), conditions, found.largest, len(trials.results), doubt)


def _folded_batch(guards: Sequence[Predicate], axes: Sequence[Sequence[str]]) -> str | None:
    """The name of the batch size, if it has to be divisible together with another size: a `view` folds both.

    Behind a `permute` the width divides without the batch, so the samples stay apart and nothing is required.
    """
    batch = axes[0][0] if axes and axes[0] else ""
    divisible = (guard for guard in guards if guard.is_equation and "%" in guard.text)
    return batch if any(batch in guard.names and len(guard.names) > 1 for guard in divisible) else None


def _inputs(symbolic: SymbolicTrace, axes: list[list[str]], found: SizesFound) -> tuple[InputContract, ...]:
    placeholders = [node for node in symbolic.nodes if node.kind == "input"]
    return tuple(
        InputContract(node.target, tuple(found.fixed.get(name, name) for name in names), str(node.dtype).split(".")[1])
        for node, names in zip(placeholders, axes, strict=True)
    )


def _conditions(found: SizesFound, trials: Trials) -> list[Condition]:
    conditions = []
    for name, accepted in found.accepted.items():
        condition = size_condition(name, accepted) if name not in found.fixed else None
        if condition is not None:
            works, fails = _sides(accepted, trials.hints[name])
            mixes = tuple(size for size in fails if trials.mixes({name: size}))
            conditions.append(Condition(*condition, works, fails, mixes))
    return [*conditions, *(Condition(relation.text, "relation") for relation in found.relations)]


def _sides(accepted: Accepted, hint: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes next to the nearest limit below the hint, or else above it: one that works and one that fails."""
    below = [size for size in accepted if size <= hint]
    above = [size for size in accepted if size >= hint]
    for sizes in (below[::-1], above):
        failing = next((size for size in sizes if not accepted[size]), None)
        if failing is not None:
            return (sizes[sizes.index(failing) - 1],), (failing,)
    return (), ()
