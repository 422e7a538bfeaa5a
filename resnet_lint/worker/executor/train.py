"""Trains a classifier, and evaluates it on the validation data after each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.evaluation import Predictions
from resnet_lint.shared.records.hardware_run import USUAL_BATCH, Epoch, Mistake, Trained, Training

from ..tensors import mapped, tensors_in
from .checkpoint import State, restore, save
from .data import Data
from .metrics import evaluate
from .mistakes import worst_mistakes
from .model_under_test import ModelUnderTest
from .process_group import ProcessGroup

Progress = Callable[[int, int], None]
"""Called with the number of finished batches and their total over all epochs."""


class _NonFiniteLoss(Exception):
    """The loss is NaN or infinite; the message names the first layer with a non-finite output."""


class Trainer:
    """Trains a model in place."""

    def __init__(
        self, tested: ModelUnderTest, data: Data, plan: Training, batch: int | None, group: ProcessGroup
    ) -> None:
        self._tested = tested
        self._data = data
        self._plan = plan
        self._group = group
        self._batches = math.ceil(len(data.train) / min(batch or USUAL_BATCH, len(data.train)))
        self._optimizer = AdamW(tested.model.parameters(), lr=plan.learning_rate)
        self._history: list[Epoch] = []
        self._best: tuple[int, State] = (0, {})
        if len(data.train) // self._batches < group.size:
            raise UsageError(f"{group.size} processes cannot share a batch of {len(data.train) // self._batches}")

    def train(self, on_progress: Progress, *, all_used: bool) -> Trained:
        """Train until the last epoch, early stopping, Ctrl-C, or a non-finite loss."""
        if self._plan.resume:
            self._history, self._best = restore(Path(self._plan.checkpoint), self._tested.model, self._optimizer)
        stopped, interrupted = None, False
        model = self._group.wrapped(self._tested.model, all_used=all_used)
        try:
            stopped = self._epochs(model, on_progress)
        except _NonFiniteLoss as error:
            stopped = str(error)
        except KeyboardInterrupt:
            if not self._history:
                raise
            stopped, interrupted = f"interrupted in epoch {len(self._history) + 1}", True
        return self._result(stopped, interrupted)

    def _epochs(self, model: nn.Module, on_progress: Progress) -> str | None:
        for number in range(len(self._history) + 1, self._plan.epochs + 1):
            if self._is_out_of_patience():
                return f"early stopping: validation loss not improved for {self._plan.patience} epochs"
            began = time.perf_counter()
            loss = self._epoch(model, number, on_progress)
            val_loss, _, predicted = self._validate()
            accuracy = float((predicted == self._data.validation.labels).float().mean())
            self._history.append(Epoch(number, loss, accuracy, val_loss, time.perf_counter() - began))
            self._checkpoint()
        return None

    def _epoch(self, model: nn.Module, number: int, on_progress: Progress) -> float:
        """Train for one epoch; return the mean loss."""
        torch.manual_seed(self._tested.seed + number)  # so that a resumed epoch is identical
        self._tested.model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self._plan.learning_rate * (1 + math.cos(math.pi * (number - 1) / self._plan.epochs)) / 2
        total = 0.0
        for done, indices in enumerate(torch.randperm(len(self._data.train)).tensor_split(self._batches)):
            total += self._step(model, indices, number)
            on_progress((number - 1) * self._batches + done + 1, self._plan.epochs * self._batches)
        return total / len(self._data.train)

    def _step(self, model: nn.Module, indices: Tensor, number: int) -> float:
        """Train on one batch; return the sum of its losses."""
        samples = self._data.train.subset(self._group.share(indices))
        values, labels = self._on_device(samples.values), samples.labels.to(self._tested.device)
        losses = F.cross_entropy(self._logits(model, values), labels, reduction="sum")
        loss = float(self._group.total(losses))
        if not math.isfinite(loss):
            self._history.append(Epoch(number, loss, self._history[-1].accuracy if self._history else 0.0))
            raise _NonFiniteLoss(f"non-finite loss in epoch {number}{self._first_non_finite(values)}")
        self._optimizer.zero_grad()
        torch.autograd.backward(
            losses * self._group.size / len(indices)
        )  # DistributedDataParallel averages the gradients
        self._optimizer.step()
        return loss

    def _validate(self) -> tuple[float, Tensor, Tensor]:
        """The mean loss on the validation data, and the confidence and the predicted class of each sample."""
        self._tested.model.eval()
        samples, count = self._data.validation, len(self._data.validation)
        confidence, predicted = torch.zeros(count), torch.zeros(count, dtype=torch.long)
        losses = torch.zeros(())
        with torch.no_grad():
            for indices in torch.split(self._group.share(torch.arange(count)), USUAL_BATCH):
                logits = self._logits(self._tested.model, self._on_device(samples.values[indices])).cpu()
                confidence[indices], predicted[indices] = logits.float().softmax(1).max(1)
                losses += F.cross_entropy(logits.float(), samples.labels[indices], reduction="sum")
        device = self._tested.device
        confidence, predicted = (self._group.total(found.to(device)).cpu() for found in (confidence, predicted))
        return float(self._group.total(losses.to(device))) / count, confidence, predicted

    def _logits(self, model: nn.Module, values: Tensor) -> Tensor:
        inputs = mapped(self._tested.inputs, lambda value: values if isinstance(value, Tensor) else value)
        args, kwargs = inputs
        return next(tensors_in(model(*args, **kwargs)))

    def _on_device(self, values: Tensor) -> Tensor:
        return values.to(self._tested.device, getattr(torch, self._tested.setup.dtype))

    def _checkpoint(self) -> None:
        """Keep the best weights, and write the checkpoint."""
        best = min(self._history, key=lambda epoch: epoch.val_loss if epoch.val_loss is not None else math.inf)
        if best.number == len(self._history):
            self._best = (best.number, deepcopy(self._tested.model.state_dict()))
        if self._group.is_first:
            save(Path(self._plan.checkpoint), self._tested.model, self._optimizer, self._history, self._best)

    def _is_out_of_patience(self) -> bool:
        return bool(self._history) and len(self._history) - self._best[0] >= self._plan.patience

    def _first_non_finite(self, values: Tensor) -> str:
        """The first layer with a non-finite output, as part of a message."""
        found: list[str] = []

        def record(path: str, module: nn.Module, output: object) -> None:
            if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors_in(output)):
                found.append(f", first in the output of {path or 'the model'} ({type(module).__name__})")

        handles = [
            module.register_forward_hook(lambda module, args, output, path=path: record(path, module, output))
            for path, module in self._tested.model.named_modules()
        ]
        with torch.no_grad():
            self._logits(self._tested.model, values)
        for handle in handles:
            handle.remove()
        return found[0] if found else ""

    def _result(self, stopped: str | None, interrupted: bool) -> Trained:
        data, evaluation = self._data, None
        mistakes: tuple[Mistake, ...] = ()
        number, state = self._best
        if state:
            self._tested.model.load_state_dict(state)
            _, confidence, predicted = self._validate()
            labels, answers = tuple(data.validation.labels.tolist()), tuple(predicted.tolist())
            scores = tuple(confidence.clamp(0, 1).tolist())
            evaluation = evaluate(Predictions(data.classes, labels, answers, scores))
            mistakes = worst_mistakes(data, confidence, predicted)
        samples = (len(data.train), len(data.validation))
        return Trained(
            data.name, samples, tuple(self._history), number, evaluation, data.shared, data.notes,
            self._plan.checkpoint, stopped, interrupted, mistakes,
        )  # fmt: skip
