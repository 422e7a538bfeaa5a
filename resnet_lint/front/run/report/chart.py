"""Line charts in the terminal, with plotext."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from resnet_lint.shared.extras import require

_COLUMNS, _ROWS = 72, 16
_MARKERS = "*o"
_MOST_TICKS = 8


def chart(title: str, curves: Mapping[str, Sequence[tuple[int, float]]], ticks: Sequence[int]) -> str:
    """Draw up to two named curves, with integer ticks on the x axis; non-finite values are skipped."""
    require("plotext")
    import plotext

    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.plot_size(_COLUMNS, _ROWS)
    marked = zip(_MARKERS, curves, strict=False)
    figure.title(f"{title}: {', '.join(f'{marker} {name}' for marker, name in marked)}")
    figure.legend(False)  # would hide the curve
    numbers = list(ticks)[:: max(1, len(ticks) // _MOST_TICKS)]
    figure.ruler("x").ticks(numbers, list(map(str, numbers)))
    for marker, points in zip(_MARKERS, curves.values(), strict=False):
        finite = [(x, y) for x, y in points if math.isfinite(y)]
        if finite:
            figure.draw(figure.signal([x for x, _ in finite], [y for _, y in finite], marker=marker).lines(True))
    text: str = figure.build().string(colorless=True)
    return "\n".join(line.rstrip() for line in text.splitlines())
