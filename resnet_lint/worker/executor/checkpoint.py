"""Checkpoints: written atomically after each epoch, so that a killed process loses at most one epoch."""

from __future__ import annotations

import io
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from resnet_lint.shared.error_text import error_text
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import Epoch
from resnet_lint.shared.write_file import write_atomically

State = dict[str, torch.Tensor]


def save(path: Path, model: nn.Module, optimizer: Optimizer, history: list[Epoch], best: tuple[int, State]) -> None:
    """Save the training state: the current and the best weights, the optimizer and the history."""
    buffer = io.BytesIO()
    number, state = best
    torch.save(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "history": [asdict(epoch) for epoch in history],
            "best": number,
            "best_model": state,
        },
        buffer,
    )
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, buffer.getvalue())


def restore(path: Path, model: nn.Module, optimizer: Optimizer) -> tuple[list[Epoch], tuple[int, State]]:
    """Load a checkpoint into a model and its optimizer; return the history, and the best epoch with its weights.

    Raises UsageError if the file is missing or is not a checkpoint of this model.
    """
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        history = [Epoch(**epoch) for epoch in saved["history"]]
        return history, (saved["best"], saved["best_model"])
    except FileNotFoundError:
        raise UsageError(f"--resume: no such checkpoint: {path}") from None
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise UsageError(f"--resume: {path} is not a checkpoint of this model: {error_text(error)}") from error
