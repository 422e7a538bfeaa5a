"""Which conditions of a symbolic run are about sizes. Those about memory differ between versions of torch."""

from __future__ import annotations

import pytest
import sympy

from resnet_lint.worker.contracts.all_sizes import requires_sizes

H, W, CHANNELS = sympy.symbols("H W channels", integer=True, positive=True)


@pytest.mark.parametrize(
    "condition",
    [
        sympy.Ne(H, 1),
        sympy.And(sympy.Ge(H * W, 2), sympy.Gt(W, 1)),
        sympy.Le(16 * H * W, 2**31 - 1, evaluate=False),  # torch 2.4
        sympy.Ge((H - 1) // 2 + 3, 3, evaluate=False),  # torch 2.4
        sympy.Eq(CHANNELS, 64),
    ],
)
def test_condition_about_memory(condition: sympy.Basic) -> None:
    assert not requires_sizes([condition], {CHANNELS})


@pytest.mark.parametrize(
    "condition",
    [
        sympy.Eq(H % 32, 0),
        sympy.Eq(H, W),
        sympy.Ge(H, 7),
        sympy.Ge(H // 2 + 3, 7),
        sympy.Le(H * W, 1024),
        sympy.Gt(H, W),
    ],
)
def test_condition_about_sizes(condition: sympy.Basic) -> None:
    assert requires_sizes([sympy.Ne(W, 1), condition], {CHANNELS})
