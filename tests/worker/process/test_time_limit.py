"""A time limit interrupts the user's code, but never torch while it changes its modes."""

from __future__ import annotations

import pytest
import torch

from resnet_lint.worker.process.limits import TimeUp, time_limit


def _change_modes_without_end() -> None:
    while True:
        with torch.device("meta"):
            pass


def test_a_limit_leaves_torchs_modes_in_order() -> None:
    for _ in range(20):
        with pytest.raises(TimeUp), time_limit(0.005):
            _change_modes_without_end()
        assert torch.empty(1).device.type == "cpu"


class _Endless:
    def __enter__(self) -> None:
        while True:
            pass

    def __exit__(self, *details: object) -> None:
        """It is never entered."""


def test_an_endless_entry_is_interrupted_all_the_same() -> None:
    with pytest.raises(TimeUp), time_limit(0.01), _Endless():
        pass
