"""What follows from shapes agrees with experiments on the same calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_lint.worker.samples.dye import batch_on
from resnet_lint.worker.samples.experiment import Spread, by_experiment, moved_owners
from resnet_lint.worker.samples.quick_calls import quick_owners
from resnet_lint.worker.samples.quick_spreads import quick_spreads
from resnet_lint.worker.tensors import tensors_in

BATCH = 3


WEIGHTS = torch.ones(3 * 8, 8), None, None, None, False, 0.0, torch.ones(8, 8), None


def attention(x: Tensor) -> Any:
    return F.multi_head_attention_forward(x, x, x, 8, 2, *WEIGHTS, training=False)


# A call of one function, the shape of its operand, and the axis of the samples.
CALLS: dict[str, tuple[Callable[[Tensor], Any], tuple[int, ...], int]] = {
    "split rows": (lambda x: x.view(6, 2, 8), (3, 4, 8), 0),
    "joined rows": (lambda x: x.reshape(3, -1), (3, 4, 8), 0),
    "flattened rows": (lambda x: x.flatten(0, 1), (3, 4, 8), 0),
    "a number": (lambda x: x[0], (2, 3, 8), 1),
    "steps": (lambda x: x[:, ::2, 1:], (3, 4, 8), 0),
    "unbind": (lambda x: x.unbind(0), (2, 3, 8), 1),
    "unbind an inner axis": (lambda x: x.unbind(2), (3, 4, 2), 0),
    "chunks": (lambda x: x.chunk(2, dim=-1), (3, 4, 8), 0),
    "parts": (lambda x: torch.tensor_split(x, [3], 2), (3, 4, 8), 0),
    "zeros": (lambda x: x.new_zeros((3, 2)), (3, 4, 8), 0),
    "attention": (attention, (5, 3, 8), 1),
}


class Called(torch.overrides.TorchFunctionMode):
    """Keeps the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.call: Any = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.call = self.call or (func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", CALLS)
def test_shapes_agree_with_experiments(name: str) -> None:
    run, shape, axis = CALLS[name]
    tensor, owners = torch.zeros(shape), batch_on(axis, len(shape), BATCH)
    with Called() as called:
        result = run(tensor)
    func, args, kwargs = called.call
    dyed, made = [(tensor, owners)], list(tensors_in(result))
    one = quick_owners(func, args, kwargs, dyed, result)
    quick = [Spread(one)] if one is not None else quick_spreads(func, args, kwargs, dyed, len(made))
    known = {id(tensor): owners}
    slow = moved_owners(func, args, kwargs, known) or by_experiment(func, args, kwargs, known, BATCH)
    assert quick is not None
    assert [owners_of(spread, part) for spread, part in zip(quick, made, strict=True)] == [
        owners_of(spread, part) for spread, part in zip(slow, made, strict=True)
    ]


def owners_of(spread: Spread, made: Tensor) -> Any:
    return spread.mixed, spread.owners if spread.owners is None else spread.owners.expand(made.shape).tolist()


@pytest.mark.parametrize("call", [lambda x: x.view(2, -1), lambda x: x[:2], lambda x: x[1]])
def test_samples_that_are_joined_or_selected_need_an_experiment(call: Callable[[Tensor], Tensor]) -> None:
    tensor = torch.zeros(3, 4, 8)
    with Called() as called:
        result = call(tensor)
    func, args, kwargs = called.call
    assert quick_owners(func, args, kwargs, [(tensor, batch_on(0, 3, BATCH))], result) is None
