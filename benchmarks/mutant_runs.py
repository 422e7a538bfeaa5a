"""Runs a script, original or mutated, and compares what its models compute.

A mutant counts as a mistake if its outputs have the same shapes and other values, and if it is *fair*:

- the changed expression is evaluated in a forward pass and is a tensor, or it is a layer. Numbers, and tensors that
  only a constructor computes, are left out;
- it is not the same model with its weights in another order: the first layer whose input differs does not get the
  same features in another order. This is proved by a run that puts them back in order, and gives the original outputs.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

_SECONDS = 30
# Half as much noise as the usual weights, so that zero-initialized layers don't hide a mistake.
_NOISE = 0.05
_TOLERANCE = 1e-4
_ROWS = 16

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Reordered:
    """Another `order` of the features in the input of a layer, the one that is called first after `layer` others."""

    layer: int
    order: torch.Tensor


@dataclass(frozen=True)
class Run:
    """The outputs of the models that a script calls, in eval mode; rows of the inputs of their layers, in order.

    `reached` is whether the changed expression of a mutant was evaluated in a forward pass and is a tensor, or a layer.
    """

    outputs: Sequence[torch.Tensor]
    rows: Sequence[tuple[int, torch.Tensor]]
    reached: bool


def run(source: str, path: Path, reordered: Reordered | None = None) -> Run | None:
    """The run of a script in a child process; None if it fails. `__evaluated__` in it marks the changed expression."""
    with tempfile.NamedTemporaryFile() as file:
        child = os.fork()
        if child == 0:
            signal.alarm(_SECONDS)
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            try:
                script = _Script(reordered)
                script.run(source, path)
                torch.save((script.outputs, script.rows, script.reached), file.name)
            except BaseException:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        return Run(*torch.load(file.name)) if not status else None


class _Script:
    """A script in this process, which is changed for good."""

    def __init__(self, reordered: Reordered | None) -> None:
        self.outputs: list[torch.Tensor] = []
        self.rows: list[tuple[int, torch.Tensor]] = []
        self.reached = False
        self._reordered = reordered
        self._depth = 0
        self._layers: dict[nn.Module, int] = {}
        self._call = nn.Module.__call__

    def run(self, source: str, path: Path) -> None:
        """Run it with fixed random numbers; its models get noisy parameters, and run in eval mode."""
        torch.manual_seed(0)
        torch.set_num_threads(1)
        random.seed(0)
        warnings.simplefilter("ignore")
        nn.Module.__call__ = lambda module, *args, **kwargs: self._called(module, args, kwargs)  # type: ignore
        torch.empty = torch.zeros  # type: ignore[assignment]  # uninitialized parameters would differ between two runs
        names = {"__name__": "__main__", "__file__": str(path), "__evaluated__": self._evaluated}
        exec(compile(source, str(path), "exec"), names)

    def _called(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        if self._depth == 0:
            _prepare(module)
        if isinstance(module, _LAYERS) and args:
            args = (self._seen(module, args[0]), *args[1:])
        self._depth += 1
        try:
            with torch.no_grad():
                result = self._call(module, *args, **kwargs)
        finally:
            self._depth -= 1
        if self._depth == 0:
            self.outputs.extend(tensor.detach().clone() for tensor in _tensors_in(result))
        return result

    def _seen(self, layer: nn.Module, tensor: torch.Tensor) -> torch.Tensor:
        """The input of a layer, with its features in order; some rows of it are kept."""
        number = self._layers.setdefault(layer, len(self._layers))
        last = tensor if isinstance(layer, nn.Linear) else tensor.movedim(1, -1)
        if self._reordered is not None and self._reordered.layer == number:
            last = last[..., self._reordered.order]
            tensor = last if isinstance(layer, nn.Linear) else last.movedim(-1, 1)
        rows = last.detach().reshape(-1, last.shape[-1])
        self.rows.append((number, rows[:: max(len(rows) // _ROWS, 1)].clone()))
        return tensor

    def _evaluated(self, value: Any) -> Any:
        is_tensor = next(_tensors_in(value), None) is not None
        self.reached |= (self._depth > 0 and is_tensor) or isinstance(value, nn.Module)
        return value


def _prepare(module: nn.Module) -> None:
    module.eval()
    numbers = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=numbers) * _NOISE)


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors_in(part)


def is_fair_mistake(before: Run, source: str, path: Path) -> bool:
    """Whether a mutated source, with its expression marked, is a silent mistake, and a fair one."""
    after = run(source, path)
    if after is None or not after.reached or _same_outputs(before, after) is not False:
        return False
    order = _order_of_features(before, after)
    again = run(source, path, order) if order is not None else None
    return again is None or not _same_outputs(before, again)


def _same_outputs(before: Run, after: Run) -> bool | None:
    """Whether the outputs are the same; None if their shapes are not."""
    if [tensor.shape for tensor in before.outputs] != [tensor.shape for tensor in after.outputs]:
        return None
    return all(map(_is_close, before.outputs, after.outputs))


def _is_close(one: torch.Tensor, two: torch.Tensor) -> bool:
    return one.shape == two.shape and torch.allclose(one, two, _TOLERANCE, _TOLERANCE, equal_nan=True)


def _order_of_features(before: Run, after: Run) -> Reordered | None:
    """The order in which the first layer whose input differs would get the features of the original; else None."""
    for (layer, one), (other, two) in zip(before.rows, after.rows, strict=False):
        if layer != other or one.shape != two.shape:
            return None
        if not _is_close(one, two):
            order = torch.empty(one.shape[1], dtype=torch.long)
            weights = torch.randn(len(one), generator=torch.Generator().manual_seed(1), dtype=torch.double)
            order[(weights @ one.double()).argsort()] = (weights @ two.double()).argsort()
            return Reordered(layer, order) if _is_close(one, two[:, order]) else None
    return None
