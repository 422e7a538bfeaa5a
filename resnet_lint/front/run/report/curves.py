"""Line charts as SVG, with pygal, in the colours of the HTML report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from resnet_lint.shared.extras import require

_SIZE = (480, 300)
_LABELS = 14
_MOST_LABELS = 8


@dataclass(frozen=True)
class Curves:
    """A chart: its title, the names of its curves in the order of the colours, and the SVG."""

    title: str
    names: tuple[str, ...]
    svg: str


def curves(title: str, points: Mapping[str, Sequence[float | None]], labels: Sequence[str]) -> Curves:
    """Draw curves over common x labels; non-finite values become gaps."""
    require("pygal")
    import pygal
    from pygal.style import Style

    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--soft)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--frame)",
        guide_stroke_color="var(--frame)",
        major_guide_stroke_color="var(--frame)",
        colors=("var(--one)", "var(--two)"),
        font_family="inherit",
        label_font_size=_LABELS,
        major_label_font_size=_LABELS,
        value_font_size=_LABELS,
        stroke_width=2.5,
    )
    chart = pygal.Line(
        style=style,
        js=[],
        width=_SIZE[0],
        height=_SIZE[1],
        show_legend=False,  # the page has its own, which does not shrink with the chart
        truncate_label=-1,
        margin=8,
        dots_size=3,
        x_labels_major_every=math.ceil(len(labels) / _MOST_LABELS),
        show_minor_x_labels=False,
        allow_interruptions=True,
        value_formatter=lambda value: f"{value:.3g}",
    )
    chart.x_labels = list(labels)
    for name, values in points.items():
        chart.add(name, [value if _shows(value) else None for value in values])
    return Curves(title, tuple(points), chart.render(is_unicode=True, disable_xml_declaration=True))


def _shows(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
