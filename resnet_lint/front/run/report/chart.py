"""Curves as lines of characters, by plotext."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from resnet_lint.shared.extras import require

_COLUMNS, _ROWS = 72, 16
_MARKERS = "*o"
_MOST_TICKS = 8


def chart(title: str, curves: Mapping[str, Sequence[tuple[int, float]]], ticks: Sequence[int]) -> str:
    """Up to two curves by their names, and the whole numbers that are named below; what is not finite is left out."""
    require("plotext")
    import plotext

    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.plot_size(_COLUMNS, _ROWS)
    named = zip(_MARKERS, curves, strict=False)
    figure.title(f"{title}: {', '.join(f'{marker} {name}' for marker, name in named)}")
    figure.legend(False)  # it would hide the curve
    numbers = list(ticks)[:: max(1, len(ticks) // _MOST_TICKS)]
    figure.ruler("x").ticks(numbers, list(map(str, numbers)))
    for marker, points in zip(_MARKERS, curves.values(), strict=False):
        finite = [(x, y) for x, y in points if math.isfinite(y)]
        if finite:
            figure.draw(figure.signal([x for x, _ in finite], [y for _, y in finite], marker=marker).lines(True))
    text: str = figure.build().string(colorless=True)
    return "\n".join(line.rstrip() for line in text.splitlines())
