"""Tries whether a model accepts inputs of certain sizes, by running it on meta."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from resnet_lint.graph.trace import Trace

from ..process.limits import TimeUp
from ..tensors import mapped, tensors_in
from ..torch_quirks.torchvision_operators import operators_expected
from ..tracer.trace import recorded

Sizes = Mapping[str, int]
"""The values of sizes by name."""


class Trials:
    """Runs the model of an earlier trace at other sizes.

    `axes` are the names of the sizes of each input, and `hints` their values in the earlier trace. `results` are the
    results so far. `batch` is the name of the batch size if the model may fold other sizes into it, as
    `x.view(-1, 320)` does: sizes at which the outputs have another batch are not accepted then.
    """

    def __init__(
        self,
        earlier: Trace,
        axes: Sequence[Sequence[str]],
        hints: Sizes,
        batch: str | None = None,
    ) -> None:
        self.hints = hints
        self._batch = batch
        self._mixed: set[tuple[int, ...]] = set()
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

    def mixes(self, sizes: Sizes) -> bool:
        """Whether the model runs at these sizes, with another batch than that of its inputs."""
        sizes = {**self.hints, **sizes}
        return not self.accepts(sizes) and tuple(sizes.values()) in self._mixed

    def _keeps_batch(self, sizes: Sizes, output: Any) -> bool:
        """Whether the outputs that had the batch in the earlier trace have it at these sizes."""
        if self._batch is None:
            return True
        pairs = zip(tensors_in(self._earlier.output), tensors_in(output), strict=False)
        batched = [now for before, now in pairs if tuple(before.shape[:1]) == (self.hints[self._batch],)]
        kept = all(tuple(tensor.shape[:1]) == (sizes[self._batch],) for tensor in batched)
        if not kept:
            self._mixed.add(tuple(sizes.values()))
        return kept

    def _runs(self, sizes: Sizes) -> bool:
        args, kwargs = self._inputs(sizes)
        with warnings.catch_warnings(), torch.no_grad(), torch.device("cpu"), operators_expected():
            warnings.simplefilter("ignore")
            try:
                output = self._earlier.root(*args, **kwargs)
            except TimeUp:
                raise
            except (Exception, SystemExit):
                return False
        return self._keeps_batch(sizes, output)

    def _runs_recorded(self, sizes: Sizes) -> bool:
        args, kwargs = self._inputs(sizes)
        run = recorded(self._earlier.root, args, kwargs, self._earlier.project, self._earlier.preferred_branch)
        return run.trouble == (0, 0) and self._keeps_batch(sizes, run.output)

    def _inputs(self, sizes: Sizes) -> Any:
        axes = iter(self._axes)

        def resized(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            return torch.empty([sizes[name] for name in next(axes)], dtype=value.dtype, device="meta")

        return mapped((self._earlier.args, self._earlier.kwargs), resized)
