"""Models in wrappers: checked inside, or refused in one clear line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import resnet_lint
from resnet_lint.shared.errors import UsageError

X = torch.zeros(2, 4, 8, 8)


class Net(nn.Module):
    """Its addition fails unless the width is 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.conv(x)
        return result


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.layer(x)
        return result


class LowRank(nn.Module):
    """An adapter as in LoRA: a frozen layer plus a low-rank update."""

    def __init__(self, base: nn.Conv2d) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Conv2d(base.in_channels, 2, 1, bias=False)
        self.up = nn.Conv2d(2, base.out_channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.base(x) + 0.5 * self.up(self.down(x))
        return result


class Adapted(nn.Module):
    """Forwards everything to the model inside, as peft does."""

    def __init__(self, model: Net) -> None:
        super().__init__()
        model.conv = LowRank(model.conv)  # type: ignore[assignment]
        self.model = model

    def forward(self, *args: torch.Tensor, **kwargs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.model(*args, **kwargs)
        return result


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def rules(model: nn.Module) -> list[str]:
    return [finding.rule for finding in resnet_lint.check(model, X).findings]


def test_adapters() -> None:
    assert rules(Adapted(Net(8))) == ["RL101"]
    assert rules(Adapted(Net(4))) == []


def test_distributed_and_compiled(process_group: None) -> None:
    assert rules(DistributedDataParallel(Net(8))) == ["RL101"]
    assert rules(torch.compile(DistributedDataParallel(Net(4)))) == []  # type: ignore[arg-type]
    model = Net(8)
    model.compile()
    assert rules(model) == ["RL101"]


def test_sharded(process_group: None) -> None:
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    mesh = pytest.importorskip("torch.distributed.device_mesh").init_device_mesh("cpu", (1,))
    if not hasattr(fsdp, "fully_shard"):
        pytest.skip("torch is older than fully_shard")
    sharded = fsdp.fully_shard(Net(4), mesh=mesh)
    with pytest.raises(UsageError, match="sharded model have no complete shapes; check it before FSDP"):
        resnet_lint.check(sharded, X)


def test_quantized_and_scripted() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = torch.ao.quantization.quantize_dynamic(Linear(), {nn.Linear})  # type: ignore[no-untyped-call]
        scripted = nn.Sequential(torch.jit.script(Net(4)))
    with pytest.raises(UsageError, match="does not run on the meta device; check it before quantization"):
        resnet_lint.check(quantized, torch.zeros(2, 4))
    with pytest.raises(UsageError, match="a scripted model has no Python code to trace"):
        resnet_lint.check(scripted, X)
