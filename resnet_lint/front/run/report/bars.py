"""Bars on a logarithmic axis, for the HTML report: widths and ticks in percent of the axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MOST_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """One value: its width in percent, and its text."""

    width: float
    text: str


@dataclass(frozen=True)
class Bars:
    """A row of bars per label, one for each of the `names`; `ticks` are positions on the axis with their labels."""

    names: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[tuple[str, tuple[Bar, ...]], ...]


def bars(values: Mapping[str, Sequence[float]], labels: Sequence[str]) -> Bars:
    """Bars between powers of ten. Values that are not finite or not positive have no bar, only their text."""
    shown = [math.log10(value) for series in values.values() for value in series if _shows(value)]
    low, high = (math.floor(min(shown)), math.ceil(max(shown))) if shown else (0, 1)
    low = low - 1 if low == min(shown, default=0) else low  # so that the smallest value has a bar

    def position(power: float) -> float:
        return round(100 * (power - low) / (high - low), 2)

    def bar(value: float) -> Bar:
        return Bar(position(math.log10(value)) if _shows(value) else 0.0, f"{value:.3g}")

    step = math.ceil((high - low) / _MOST_TICKS)
    ticks = tuple((position(power), f"1e{power}") for power in range(low, high + 1, step))
    rows = zip(labels, (tuple(map(bar, row)) for row in zip(*values.values(), strict=True)), strict=True)
    return Bars(tuple(values), ticks, tuple(rows))


def _shows(value: float) -> bool:
    return math.isfinite(value) and value > 0
