"""The input contract of a model: which sizes it takes.

A symbolic trace says where to look, and runs say what is true. Sizes for which the guards of the trace come out alike
lead down one way through the model, and have one answer; so a few runs settle all of them. A guard that is a mere
branch has the same answer on both sides, and nothing is said of it.
"""

from __future__ import annotations

from resnet_lint.graph.source_places import Project
from resnet_lint.shared.records.contracts import Condition, Contract, InputContract

from ..sizes.axis_names import own_names
from ..sizes.compiled_sizes import predicates
from ..sizes.size_conditions import described
from ..symbolic.symbolic_trace import SymbolicTrace
from ..tracer.trace import Trace
from .search_sizes import Found, Search
from .try_sizes import Oracle


def contract_of(earlier: Trace, symbolic: SymbolicTrace, project: Project) -> Contract:
    """The contract of a model from both its traces; takes some dozens of runs on meta."""
    names = own_names(symbolic.axes)
    axes = [[names[axis.symbol] for axis in each] for each in symbolic.axes]
    hints = {names[axis.symbol]: axis.hint for each in symbolic.axes for axis in each}
    oracle = Oracle(earlier, project, axes, hints)
    found = Search(oracle, predicates(symbolic.guards, names)).found()
    conditions = tuple(_conditions(found, oracle))
    doubt = found.doubt
    if symbolic.trace.stop is not None:
        doubt = doubt or f"the trace with symbols ended early: {symbolic.trace.stop.reason}"
    return Contract(_inputs(symbolic, axes, found), conditions, found.largest, len(oracle.answers), doubt)


def _inputs(symbolic: SymbolicTrace, axes: list[list[str]], found: Found) -> tuple[InputContract, ...]:
    placeholders = [node for node in symbolic.graph.nodes if node.op == "placeholder"]
    return tuple(
        InputContract(
            str(node.target), tuple(found.fixed.get(name, name) for name in each), str(node.meta["dtype"]).split(".")[1]
        )
        for node, each in zip(placeholders, axes, strict=True)
    )


def _conditions(found: Found, oracle: Oracle) -> list[Condition]:
    conditions = []
    for name, taken in found.taken.items():
        said = described(name, taken) if name not in found.fixed else None
        if said is not None:
            works, fails = _sides(taken, oracle.hints[name])
            conditions.append(Condition(*said, works, fails))
    return [*conditions, *(Condition(relation.text, "relation") for relation in found.relations)]


def _sides(taken: dict[int, bool], hint: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes next to the first border below the hint, or else above it: one that works, and one that fails."""
    below = [size for size in taken if size <= hint]
    above = [size for size in taken if size >= hint]
    for sizes in (below[::-1], above):
        failing = next((size for size in sizes if not taken[size]), None)
        if failing is not None:
            return (sizes[sizes.index(failing) - 1],), (failing,)
    return (), ()
