"""What was trained, on the disk: written whole or not at all after each epoch, so that a kill costs one epoch."""

from __future__ import annotations

import io
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from resnet_lint.shared.error_text import said
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import Epoch
from resnet_lint.shared.write_file import write_atomically

State = dict[str, torch.Tensor]


def save(path: Path, model: nn.Module, optimizer: Optimizer, history: list[Epoch], best: tuple[int, State]) -> None:
    """Write the state of a training: the model now and at its best epoch, the optimizer, and the epochs so far."""
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
    write_atomically(path, buffer.getvalue())


def restore(path: Path, model: nn.Module, optimizer: Optimizer) -> tuple[list[Epoch], tuple[int, State]]:
    """Put a saved state into a model and its optimizer; gives the epochs so far, and the best one with its weights.

    Raises UsageError where the file is missing, or holds something else.
    """
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        history = [Epoch(**epoch) for epoch in saved["history"]]
        return history, (saved["best"], saved["best_model"])
    except FileNotFoundError:
        raise UsageError(f"--resume: there is no checkpoint {path}") from None
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise UsageError(f"--resume: {path} does not hold a training of this model: {said(error)}") from error
