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
    """Whether a condition comes from torch's checks of the memory format, or of the indices that a backend can take.

    They only require that a size is not zero or one, or, in torch 2.4, that a tensor has fewer than 2**31 elements.
    """
    parts = guard.args if isinstance(guard, sympy.And) else (guard,)
    return all(isinstance(part, _BOUNDS) and _compares_with_no_size(*part.args) for part in parts)


def _compares_with_no_size(left: sympy.Basic, right: sympy.Basic) -> bool:
    """Whether one side is at most 2, the largest index, or, as in `H//2 + 3 >= 3`, the constant of the other side."""
    return any(
        bound.is_Integer and (bound <= _SMALL or bound == _LARGEST_INDEX or 0 <= bound - _constant(other) <= _SMALL)
        for bound, other in ((left, right), (right, left))
    )


def _constant(expression: sympy.Basic) -> int:
    constant, _ = expression.as_coeff_Add()
    return int(constant)


_SMALL = 2
_LARGEST_INDEX = 2**31 - 1
_BOUNDS = (sympy.Ne, sympy.Gt, sympy.Ge, sympy.Lt, sympy.Le)
