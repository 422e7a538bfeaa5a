"""Cached kernels return what torch returns; calls that depend on more than shapes are not cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._dynamo.source import ConstantSource
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.utils._python_dispatch import TorchDispatchMode

from resnet_lint.worker.tensors import tensors_in
from resnet_lint.worker.torch_quirks.meta_kernels import remembered_kernels

X = torch.empty(2, 8, 16, 16, device="meta")
TOKENS = torch.empty(2, 5, 8, device="meta")


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records which calls reach torch's kernels; must be entered before the cache."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ran: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.ran.append(func.overloadpacket)
        return func(*args, **(kwargs or {}))


def _looks(value: Any) -> list[Any]:
    return [(t.shape, t.stride(), t.dtype, t.device, t.requires_grad) for t in tensors_in(value)]


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Conv2d(8, 4, 3, device="meta")(X),
        lambda: nn.Conv2d(8, 4, 3, device="meta")(X.to(memory_format=torch.channels_last)),
        lambda: nn.BatchNorm2d(8, device="meta")(X),
        lambda: nn.BatchNorm2d(8, device="meta").eval()(X),
        lambda: nn.LayerNorm(8, device="meta")(TOKENS),
        lambda: nn.MultiheadAttention(8, 2, batch_first=True, device="meta")(TOKENS, TOKENS, TOKENS),
        lambda: nn.LSTM(8, 4, device="meta")(TOKENS),
        lambda: F.max_pool2d(X, 2, return_indices=True),
        lambda: torch.topk(TOKENS, 3),
        lambda: torch.cat([X, X[:, :4]], 1) + 1,
        lambda: X.permute(0, 2, 3, 1).contiguous().view(2, -1) * 2,
        lambda: (TOKENS.to(torch.int64) + 1, TOKENS.to(torch.int64) + 1.0, TOKENS.to(torch.int64) + True),
        lambda: torch.view_as_complex(TOKENS.reshape(2, 5, 4, 2)).conj() + 1,
        lambda: torch.split(X, [2, 6], 1),
        lambda: torch.empty_like(X, dtype=torch.float16),
    ],
)
def test_a_call_made_again_gives_what_torch_gives(call: Callable[[], Any]) -> None:
    plain = _looks(call())
    with remembered_kernels():
        assert _looks(call()) == plain
        assert _looks(call()) == plain


def test_a_kernel_runs_once_for_each_kind_of_call() -> None:
    with _Operators() as operators, remembered_kernels():
        for x in (X, X, X[:, :4], X, X[:, :4]):
            assert F.gelu(x).shape == x.shape
    assert operators.ran.count(torch.ops.aten.gelu) == 2


def test_results_are_tensors_of_their_own() -> None:
    with remembered_kernels():
        first, second = F.relu(X), F.relu(X)
        assert first is not second
        first.squeeze_().unsqueeze_(0)
        assert F.relu(X).shape == X.shape


def test_changes_in_place_are_counted_and_views_share_what_is_changed() -> None:
    with remembered_kernels():
        for _ in range(2):
            changed = torch.empty(2, 8, device="meta")
            view = changed.view(16)
            assert view._base is changed
            assert F.relu(view, inplace=True) is view
            assert changed._version == view._version == 1


def test_a_tensor_that_is_handed_on_stays_the_same_tensor() -> None:
    with torch.inference_mode(), remembered_kernels():
        for _ in range(2):
            assert F.dropout(X, training=False).untyped_storage()._cdata == X.untyped_storage()._cdata


def test_gradients_lead_to_the_parameters_and_what_is_spoiled_is_refused() -> None:
    with remembered_kernels():
        for _ in range(2):
            layer = nn.Sequential(nn.Conv2d(8, 8, 1, device="meta"), nn.BatchNorm2d(8, device="meta"), nn.Sigmoid())
            layer(X).sum().backward()
            assert all(parameter.grad is not None for parameter in layer.parameters())
            spoiled = layer(X)
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                spoiled.add_(1).sum().backward()


def test_errors_are_torchs_own_each_time() -> None:
    with remembered_kernels():
        for _ in range(2):
            with pytest.raises(RuntimeError, match="broadcast"):
                X + X[:, :3]
        with pytest.raises(RuntimeError):
            TOKENS.sum().item()


def test_real_tensors_are_computed() -> None:
    with remembered_kernels():
        assert [int(torch.tensor([number]) + 1) for number in (1, 2)] == [2, 3]


def test_the_default_type_counts() -> None:
    whole = torch.empty(2, dtype=torch.int64, device="meta")
    with remembered_kernels():
        try:
            for dtype in (torch.float32, torch.float64):
                torch.set_default_dtype(dtype)
                assert (whole / 2).dtype is dtype
        finally:
            torch.set_default_dtype(torch.float32)


def test_symbolic_sizes_are_left_to_torch() -> None:
    shapes = ShapeEnv()
    source = ConstantSource("n")
    symbol = shapes.create_symbol(5, source, DimDynamic.DYNAMIC)
    with remembered_kernels(), FakeTensorMode(shape_env=shapes):
        x = torch.empty((shapes.create_symintnode(symbol, hint=5, source=source), 4), device="meta")
        sizes = [(F.relu(x) + 1).shape[0] for _ in range(2)]
    assert all(isinstance(size, torch.SymInt) for size in sizes)
