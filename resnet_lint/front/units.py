"""Formats numbers with SI prefixes."""

from __future__ import annotations

import math

_PREFIXES = {-3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}


def in_unit(value: float | None, unit: str) -> str:
    """Format a number with an SI prefix: `1.81 G`, `12.3 ms`; `not measured` for None."""
    if value is None:
        return "not measured"
    power = 0 if not value else max(-3, min(4, math.floor(math.log10(abs(value)) / 3)))
    if not unit and power <= 0:
        return f"{value:.4g}"
    return f"{value / 1000**power:.4g} {_PREFIXES[power]}{unit}".rstrip()
