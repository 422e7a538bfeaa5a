"""Formats the cost of a model and its gradient norms."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator

from tabulate import tabulate

from resnet_lint.front.report_text import count
from resnet_lint.front.units import in_unit
from resnet_lint.shared.records.hardware_run import Cost, Gradient, Gradients, RunReport

from .chart import chart
from .tables import titled


def cost_block(run: RunReport) -> str:
    """The cost of the model, and if it was fixed, the difference to the cost before the fix."""
    before = run.original.cost if run.fixed is not None else None
    rows = list(cost_rows(run.last.cost, before))
    headers = ["", "before the fix", "after the fix", "difference"] if before is not None else []
    body = tabulate(rows, headers, disable_numparse=True, tablefmt="simple" if headers else "plain")
    return titled("Cost", body)


_FIGURES = (
    ("parameters", "parameters", ""),
    ("multiply-adds per sample", "multiply_adds", ""),
    ("peak memory of forward and backward", "peak_bytes", "B"),
    ("latency of a forward pass, median", "latency", "s"),
    ("samples per second", "samples_per_second", ""),
)


def cost_rows(cost: Cost, before: Cost | None) -> Iterator[tuple[str, ...]]:
    """One row per figure: name and value; with `before`: name, value before, value after, and difference."""
    for name, field, unit in _FIGURES:
        if before is None:
            yield name, _figure(cost, field, unit)
        else:
            difference = _difference(getattr(before, field), getattr(cost, field), unit)
            yield name, _figure(before, field, unit), _figure(cost, field, unit), difference


def _figure(cost: Cost, field: str, unit: str) -> str:
    text = in_unit(getattr(cost, field), unit)
    if field != "latency" or cost.latency is None:
        return text
    noisy = "; noisy, repeat on an idle machine" if (cost.spread or 0.0) > _NOISY * cost.latency else ""
    return f"{text} (IQR {in_unit(cost.spread, unit)}, {cost.repeats} runs after {cost.warm_ups} warm-ups{noisy})"


# Share of the median latency from which its interquartile range makes the figure unreliable.
_NOISY = 0.25


def _difference(old: float | None, new: float | None, unit: str) -> str:
    if old is None or new is None:
        return ""
    share = f" ({new / old - 1:+.2%})" if old else ""
    sign = "-" if new < old else "+"
    return f"{sign}{in_unit(abs(new - old), unit)}{share}"


def gradient_blocks(gradients: Gradients) -> Iterator[str]:
    """The gradient norms as a table and, if plotext is installed, as a chart, with a summary."""
    if not gradients.stages:
        return
    rows = [
        (stage.stage, f"{stage.norm:.3g}", "" if stage.cut is None else f"{stage.cut:.3g}")
        for stage in gradients.stages
    ]
    headers = ["stage", "with shortcuts", "without shortcuts"] if gradients.shortcuts else ["stage", "gradient norm"]
    table = tabulate([row[: len(headers)] for row in rows], headers, disable_numparse=True)
    yield titled("Gradients", f"{table}\n\n{reach(gradients)}")
    if len(gradients.stages) > 2 and importlib.util.find_spec("plotext") is not None:
        yield _norm_chart(gradients)


def reach(gradients: Gradients) -> str:
    """One sentence on the gradient of the first stage."""
    first = gradients.stages[0]
    if not first.norm:
        return f"no gradient reaches the first stage, {first.stage}"
    norm = f"gradient norm of the first stage, {first.stage}: {first.norm:.3g}"
    if first.cut is None:
        return f"{norm}; there are no residual additions to remove"
    removed = count(gradients.shortcuts, "shortcut")
    return f"{norm}; with {removed} removed: {first.cut:.3g} ({first.cut / first.norm:.2g}x)"


def _norm_chart(gradients: Gradients) -> str:
    curves = {"with shortcuts": _logarithms(gradients, lambda stage: stage.norm)}
    if gradients.shortcuts:
        curves["without shortcuts"] = _logarithms(gradients, lambda stage: stage.cut)
    return chart("log10 of the gradient norm", curves, range(1, len(gradients.stages) + 1))


def _logarithms(gradients: Gradients, norm: Callable[[Gradient], float | None]) -> list[tuple[int, float]]:
    values = [norm(stage) for stage in gradients.stages]
    return [(number, math.log10(value)) for number, value in enumerate(values, 1) if value]
