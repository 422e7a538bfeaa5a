"""The proof that additions work for all sizes: a run with the sizes as symbols asks for none."""

from __future__ import annotations

from collections.abc import Iterable, Set

import sympy
from torch import nn

from ..explain import users_call
from ..fault import ADDITIONS
from ..place import Project
from ..trace import Trace
from .trace import symbolic_trace


def adds_at_any_size(kind: type[nn.Module], earlier: Trace, project: Project) -> bool:
    """Whether a model adds in modules of a class, and no addition of it depends on the sizes of its inputs."""
    symbolic = symbolic_trace(earlier, project)
    additions = [node for node in symbolic.graph.nodes if node.meta.get("function") in ADDITIONS]
    owners = {type(users_call(node.meta["call"], project).module) for node in additions}
    fixed = {axis.symbol for each in symbolic.axes for axis in each if isinstance(axis.found, int)}
    runs = symbolic.trace.trouble == (0, 0)
    return runs and kind in owners and not asks_for_sizes(symbolic.trace, symbolic.guards, fixed)


def asks_for_sizes(trace: Trace, guards: Iterable[sympy.Basic], others: Set[sympy.Symbol]) -> bool:
    """Whether a run asked for certain sizes in its additions or between its calls; `others` are symbols of no size.

    In the other calls torch asks for reasons of its own, such as the order in memory. So it does in additions, but
    there it is whether a size is 1, which changes nothing for operands that need no other condition.
    """
    asked = set(guards)
    for node in trace.graph.nodes:
        own = node.meta.get("guards") or ()
        adds = node.meta.get("function") in ADDITIONS
        asked.difference_update(guard for guard in own if not adds or _is_not_one(guard))
    return any(guard.free_symbols - others for guard in asked)


def _is_not_one(guard: sympy.Basic) -> bool:
    return isinstance(guard, sympy.Ne) and sympy.S.One in guard.args
