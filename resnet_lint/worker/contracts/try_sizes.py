"""Tries whether a model accepts inputs of certain sizes, by running it on meta."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from resnet_lint.graph.trace import Trace

from ..process.limits import TimeUp
from ..tensors import mapped
from ..torch_quirks.torchvision_operators import operators_expected
from ..tracer.trace import recorded

Sizes = Mapping[str, int]
"""The values of sizes by name."""


class Trials:
    """Runs the model of an earlier trace at other sizes.

    `axes` are the names of the sizes of each input, and `hints` their values in the earlier trace. `results` are the
    results so far.
    """

    def __init__(self, earlier: Trace, axes: Sequence[Sequence[str]], hints: Sizes) -> None:
        self.hints = hints
        self.results: dict[tuple[int, ...], bool] = {}
        self._earlier = earlier
        self._axes = axes
        # Some models run on meta only with the recorder, which handles calls that work on the CPU only, but is slower.
        self._is_plain = self._runs(hints)

    def accepts(self, sizes: Sizes) -> bool:
        """Whether the model runs at these sizes; missing ones are those of the hints."""
        sizes = {**self.hints, **sizes}
        key = tuple(sizes.values())
        if key not in self.results:
            self.results[key] = self._runs(sizes) if self._is_plain else self._runs_recorded(sizes)
        return self.results[key]

    def _runs(self, sizes: Sizes) -> bool:
        args, kwargs = self._inputs(sizes)
        with warnings.catch_warnings(), torch.no_grad(), torch.device("cpu"), operators_expected():
            warnings.simplefilter("ignore")
            try:
                self._earlier.root(*args, **kwargs)
            except TimeUp:
                raise
            except (Exception, SystemExit):
                return False
        return True

    def _runs_recorded(self, sizes: Sizes) -> bool:
        args, kwargs = self._inputs(sizes)
        run = recorded(self._earlier.root, args, kwargs, self._earlier.project, self._earlier.preferred_branch)
        return run.trouble == (0, 0)

    def _inputs(self, sizes: Sizes) -> Any:
        axes = iter(self._axes)

        def resized(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            return torch.empty([sizes[name] for name in next(axes)], dtype=value.dtype, device="meta")

        return mapped((self._earlier.args, self._earlier.kwargs), resized)
