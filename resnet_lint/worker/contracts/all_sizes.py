"""Proves that additions work for all sizes: a run with symbolic sizes adds no conditions on them."""

from __future__ import annotations

from collections.abc import Iterable, Set

import sympy
from torch import nn

from resnet_lint.graph.module_call import users_call
from resnet_lint.graph.trace import Trace

from ..symbolic.symbolic_trace import symbolic_trace


def adds_at_any_size(kind: type[nn.Module], earlier: Trace) -> bool:
    """Whether a model has additions in modules of a class, and works for all input sizes except very small ones."""
    symbolic = symbolic_trace(earlier)
    additions = [node for node in symbolic.nodes if node.kind == "addition"]
    owners = {type(users_call(node.known_call, earlier.project).module) for node in additions}
    fixed = {axis.symbol for axes in symbolic.axes for axis in axes if isinstance(axis.found, int)}
    runs = symbolic.trace.trouble == (0, 0)
    return runs and kind in owners and not requires_sizes(symbolic.guards, fixed)


def requires_sizes(guards: Iterable[sympy.Basic], others: Set[sympy.Symbol]) -> bool:
    """Whether a run has conditions on sizes; `others` are symbols that are not sizes.

    The conditions of all calls count, because an addition adds none if another call has already added the same one.
    """
    return any(guard.free_symbols - others and not _is_about_memory(guard) for guard in guards)


def _is_about_memory(guard: sympy.Basic) -> bool:
    """Whether a condition only requires that a size is not zero or one, from torch's checks of the memory format."""
    parts = guard.args if isinstance(guard, sympy.And) else (guard,)
    return all(isinstance(part, _BOUNDS) and any(side.is_Integer and side <= 2 for side in part.args) for part in parts)


_BOUNDS = (sympy.Ne, sympy.Gt, sympy.Ge, sympy.Lt, sympy.Le)
