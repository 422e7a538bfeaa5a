"""Hovers and inlay hints: the shapes at a line, and the input contract of a class, from a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace

from ..trace.report import TraceView
from ..trace.report.shapes import shapes_text
from ..trace.report.text import contract_lines, title, troubles

_MOST_STEPS = 6


def hover_at(trace: ModelTrace, line: int) -> str | None:
    """The calls at a line with their shapes, as Markdown; None if there are none."""
    steps = _steps_at(trace, line) or _built_at(trace, line)
    if not steps:
        return None
    shown = dict.fromkeys(map(_described, steps))
    more = len(shown) - _MOST_STEPS
    return "\n\n".join([*list(shown)[:_MOST_STEPS], *([f"and {more} more"] if more > 0 else [])])


def hover_of_class(trace: ModelTrace) -> str:
    """The shapes and the input contract of a class, as Markdown."""
    view = _view(trace)
    parts = [f"`{title(trace)}`"]
    if trace.within is not None:
        parts.append(_arrow(trace.root, view))
    lines = [*contract_lines(trace), *troubles(trace, view)]
    if lines:
        parts.append("\n".join(["```text", *lines, "```"]))
    return "\n\n".join(parts)


def hints(trace: ModelTrace, first: int, last: int) -> Iterator[tuple[int, str]]:
    """The lines that make tensors, and the shape of the last one at each."""
    view = _view(trace)
    lines = sorted({step.place.line for step in trace.root.walk() if step.place and step.place.path == trace.path})
    for line in lines:
        outputs = [step.outputs for step in _steps_at(trace, line) if step.outputs] if first <= line <= last else []
        if outputs:
            yield line, shapes_text(outputs[-1], view)


def _steps_at(trace: ModelTrace, line: int) -> list[ForwardStep]:
    """The calls at a line, without the calls inside them."""
    return list(_outermost(trace.root.parts, trace.path, line))


def _outermost(steps: Sequence[ForwardStep], path: str, line: int) -> Iterator[ForwardStep]:
    for step in steps:
        if step.place is not None and (step.place.path, step.place.line) == (path, line):
            yield step
        else:
            yield from _outermost(step.parts, path, line)


def _built_at(trace: ModelTrace, line: int) -> list[ForwardStep]:
    """The calls of modules that a line constructs."""
    return [
        step for step in trace.root.walk() if step.built and (step.built.path, step.built.line) == (trace.path, line)
    ]


def _described(step: ForwardStep) -> str:
    detail = f" ({step.detail})" if step.detail else ""
    return f"**{step.path or step.name}** {step.kind}{detail}: {_arrow(step, TraceView(Path(), form='nchw'))}"


def _arrow(step: ForwardStep, view: TraceView) -> str:
    return f"`{shapes_text(step.inputs, view)}` → `{shapes_text(step.outputs, view)}`"


def _view(trace: ModelTrace) -> TraceView:
    return TraceView(Path(trace.path).parent, form="nchw")
