"""What was measured beyond the confirmation: the cost of a model, and how its gradients reach the first stage."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator

from tabulate import tabulate

from resnet_lint.front.report_text import count
from resnet_lint.shared.records.hardware_run import Cost, Gradient, Gradients, RunReport

from .chart import chart
from .tables import titled


def cost_block(run: RunReport) -> str:
    """The cost of the model that was run, and what the fix adds to that of the file as it was."""
    before = run.original.cost if run.fixed is not None else None
    rows = list(cost_rows(run.last.cost, before))
    headers = ["", "as it is", "mended", "added"] if before is not None else []
    body = tabulate(rows, headers, disable_numparse=True, tablefmt="simple" if headers else "plain")
    return titled("Cost", body)


_FIGURES = (
    ("parameters", "parameters", ""),
    ("multiply-adds for one sample", "multiply_adds", ""),
    ("peak memory of a training step", "peak_bytes", "B"),
    ("latency of a forward, median", "latency", "s"),
    ("its middle half spans", "spread", "s"),
    ("samples a second", "samples_per_second", ""),
)


def cost_rows(cost: Cost, before: Cost | None) -> Iterator[tuple[str, ...]]:
    """A row for each figure: its name, and its value; with `before`, the value before and what was added."""
    for name, field, unit in _FIGURES:
        value = getattr(cost, field)
        if before is None:
            yield name, in_unit(value, unit)
        else:
            old = getattr(before, field)
            yield name, in_unit(old, unit), in_unit(value, unit), _added(old, value, unit)


def _added(old: float | None, new: float | None, unit: str) -> str:
    if old is None or new is None:
        return ""
    share = f" ({new / old - 1:+.2%})" if old else ""
    sign = "-" if new < old else "+"
    return f"{sign}{in_unit(abs(new - old), unit)}{share}"


_PREFIXES = {-3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}


def in_unit(value: float | None, unit: str) -> str:
    """A number for people, with the prefix of its size: `1.81 G`, `12.3 ms`; `not run` for None."""
    if value is None:
        return "not run"
    power = 0 if not value else max(-3, min(4, math.floor(math.log10(abs(value)) / 3)))
    if not unit and power <= 0:
        return f"{value:.4g}"
    return f"{value / 1000**power:.4g} {_PREFIXES[power]}{unit}".rstrip()


def gradient_blocks(gradients: Gradients) -> Iterator[str]:
    """The norms as a table and, where plotext is at hand, as a chart; and what they say of the first stage."""
    if not gradients.stages:
        return
    rows = [
        (each.stage, f"{each.norm:.3g}", "" if each.cut is None else f"{each.cut:.3g}") for each in gradients.stages
    ]
    headers = ["stage", "with shortcuts", "shortcuts cut"] if gradients.shortcuts else ["stage", "norm"]
    table = tabulate([row[: len(headers)] for row in rows], headers, disable_numparse=True)
    yield titled("Gradients", f"{table}\n\n{reach(gradients)}")
    if len(gradients.stages) > 2 and importlib.util.find_spec("plotext") is not None:
        yield _norm_chart(gradients)


def reach(gradients: Gradients) -> str:
    """Whether the gradient reaches the first stage, in a sentence."""
    first = gradients.stages[0]
    if not first.norm:
        return f"no gradient reaches the first stage, {first.stage}"
    said = f"the first stage, {first.stage}, gets {first.norm:.3g}"
    if first.cut is None:
        return f"{said}; there is no shortcut to cut"
    return (
        f"{said}; with {count(gradients.shortcuts, 'shortcut')} cut {first.cut:.3g}, {first.cut / first.norm:.2g} times"
    )


def _norm_chart(gradients: Gradients) -> str:
    curves = {"with shortcuts": _logarithms(gradients, lambda each: each.norm)}
    if gradients.shortcuts:
        curves["shortcuts cut"] = _logarithms(gradients, lambda each: each.cut)
    return chart("log10 of the norm", curves, range(1, len(gradients.stages) + 1))


def _logarithms(gradients: Gradients, norm: Callable[[Gradient], float | None]) -> list[tuple[int, float]]:
    values = [norm(each) for each in gradients.stages]
    return [(number, math.log10(value)) for number, value in enumerate(values, 1) if value]
