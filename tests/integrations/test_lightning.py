"""The Lightning callback, in real fits."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from resnet_lint.live import FindingsError
from resnet_lint.shared.errors import UsageError

pl: Any = pytest.importorskip("pytorch_lightning")

from resnet_lint.integrations.lightning import ResnetLintCallback  # noqa: E402

ROOT = Path(__file__).parents[2]


class Block(nn.Module):
    """Adds tensors of 8 and 4 channels if the width is 8; broadcasts one of 1 channel if it is 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.conv(x)
        return result


LightningModule: Any = pl.LightningModule


class Task(LightningModule):
    """A module whose step calls a model in an attribute, by its own name or through forward()."""

    def __init__(self, width: int, calls: str = "net") -> None:
        super().__init__()
        self.net, self.loss, self.calls = Block(width), nn.MSELoss(), calls

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.net(x)
        return result

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        x, y = batch
        if self.calls == "nothing":
            return self.loss(self.net.conv(x).mean(), y.mean())  # type: ignore[no-any-return]
        return self.loss(self(x) if self.calls == "forward" else self.net(x), y)  # type: ignore[no-any-return]

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        self.training_step(batch, index)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(task: Any, callback: Any, **options: Any) -> None:
    data = TensorDataset(torch.zeros(6, 4, 9, 9), torch.zeros(6, 4, 9, 9))
    quiet: Any = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        max_steps=2, accelerator="cpu", enable_model_summary=False, callbacks=[callback], **quiet, **options
    )
    trainer.fit(task, DataLoader(data, batch_size=3), DataLoader(data, batch_size=3))


@pytest.mark.parametrize("calls", ["net", "forward"])
@pytest.mark.parametrize("options", [{}, {"num_sanity_val_steps": 0}])
def test_a_wrong_model_ends_the_fit_before_its_first_call(calls: str, options: dict[str, int]) -> None:
    with pytest.raises(FindingsError, match=r"RL101 cannot add: residual branch \(3, 8, 9, 9\)"):
        fit(Task(8, calls), ResnetLintCallback(on_findings="raise"), **options)


def test_a_warning_leaves_the_error_to_torch() -> None:
    with pytest.warns(UserWarning, match="RL101"), pytest.raises(RuntimeError, match="must match the size"):
        fit(Task(8), ResnetLintCallback())


def test_a_right_model_is_trained_without_a_word() -> None:
    task = Task(4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(task, ResnetLintCallback(on_findings="raise"))
    assert [str(warning.message) for warning in caught if "resnet-lint" in str(warning.message)] == []
    assert not task._forward_pre_hooks
    assert not task.net._forward_pre_hooks


def test_a_module_whose_models_are_not_called_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="Task is not checked: training_step calls neither"):
        fit(Task(4, "nothing"), ResnetLintCallback())


def test_a_compiled_model() -> None:
    task = Task(8)
    task.net = torch.compile(task.net, backend="eager")  # type: ignore[assignment]
    with pytest.raises(FindingsError, match="RL101"):
        fit(task, ResnetLintCallback(on_findings="raise"))


@pytest.fixture
def own_process_group() -> Iterator[None]:
    """Lightning leaves its process group and the variables that describe it to the process."""
    with mock.patch.dict(os.environ):
        yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("own_process_group")
def test_one_process_of_a_distributed_strategy() -> None:
    with pytest.raises(FindingsError, match="RL101"):
        fit(Task(8), ResnetLintCallback(on_findings="raise"), strategy="ddp", devices=1)


def test_bad_input() -> None:
    with pytest.raises(UsageError, match='on_findings is "warn" or "raise", not 3'):
        ResnetLintCallback(on_findings=cast(Any, 3))


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(("lightning", "pytorch_lightning")))
import resnet_lint
resnet_lint.check
import resnet_lint.integrations.lightning
"""


def test_without_lightning() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.endswith("UsageError: ResnetLintCallback needs Lightning: pip install lightning\n")
