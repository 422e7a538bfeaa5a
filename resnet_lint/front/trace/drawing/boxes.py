"""Turns the steps of a trace into boxes: fewer than steps, so that ResNet-152 stays readable.

Activations and normalizations are a line in the preceding box, a module with a single box inside is that box, and
consecutive identical modules are drawn once, with their count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from resnet_lint.shared.records.model_trace import Flow, ForwardStep, ModelTrace, SourceLine, TracedFault

from ..operation_names import ADDITIONS, layer_name

Sort = Literal["input", "output", "layer", "small", "join", "group"]


@dataclass(frozen=True)
class Box:
    """A rectangle of the drawing: a layer, a join, an input or output of the model, or a module with boxes inside.

    `lines` are the text below `title`; `kind` is the class of a module with parts, `followers` the names of the merged
    activations and normalizations. `ids` are the steps of the box, `count` the number of identical modules.
    """

    id: int
    title: str
    lines: tuple[str, ...]
    sort: Sort
    ids: frozenset[int]
    path: str
    place: SourceLine | None
    kind: str = ""
    followers: tuple[str, ...] = ()
    count: int = 1
    fault: TracedFault | None = None
    parts: tuple[Box, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The lines below the heading."""
        return tuple(filter(None, (*self.lines, ", ".join(self.followers))))

    @property
    def heading(self) -> str:
        """The title, with the number of identical modules."""
        return f"{self.title} (x{self.count})" if self.count > 1 else self.title

    @property
    def holds_fault(self) -> bool:
        """Whether this step, or a step inside, has a fault."""
        return self.fault is not None or any(part.holds_fault for part in self.parts)


def _readable_depth(root: Box) -> int:
    """The largest depth with at most _MOST_BOXES visible boxes."""
    depth = 1
    while _count(root, depth) < _count(root, depth + 1) <= _MOST_BOXES:
        depth += 1
    return depth


_MOST_BOXES = 60


def _count(box: Box, depth: int) -> int:
    """The number of visible boxes at a depth."""
    return 1 + sum(_count(part, depth - 1) for part in box.parts if depth > 0)


def opened(trace: ModelTrace, depth: int | None) -> tuple[Box, int]:
    """The box of the whole model, and the depth to which it is open: the requested one, or a readable default."""
    root = _Boxes(trace).of(trace.root)
    return root, depth or _readable_depth(root)


def box_of(root: Box, step: ForwardStep) -> Box:
    """The box that shows a step: its own, or the innermost one around its first call."""
    first = next(step.leaves).id
    box = root
    while box.id != step.id and (inside := [part for part in box.parts if first in part.ids]):
        box = inside[0]
    return box


class _Boxes:
    def __init__(self, trace: ModelTrace) -> None:
        self._trace = trace
        self._faults: Mapping[int, TracedFault] = {fault.step: fault for fault in trace.faults}
        self._into: dict[int, list[Flow]] = {}
        self._out_of: dict[int, list[Flow]] = {}
        for flow in trace.flows:
            self._into.setdefault(flow.target, []).append(flow)
            self._out_of.setdefault(flow.source, []).append(flow)

    def of(self, step: ForwardStep) -> Box:
        if not step.parts:
            return self._leaf(step)
        parts = self._folded(step.parts)
        if len(parts) == 1 and parts[0].count == 1 and step is not self._trace.root and not parts[0].parts:
            inner = parts[0]
            name = "" if inner.title.isdigit() else f"{inner.title}: "
            lines = (name + "".join(inner.lines[:1]), *inner.lines[1:])
            return replace(inner, title=step.name, lines=lines, path=step.path, place=step.place or inner.place)
        ids = frozenset(part.id for part in step.walk())
        kind = step.kind if step.kind != step.name else ""
        return Box(step.id, step.name, (), "group", ids, step.path, step.place, kind=kind, parts=parts)

    def _leaf(self, step: ForwardStep) -> Box:
        fault = self._faults.get(step.id)
        words = " ".join(filter(None, (step.kind if step.kind != step.name else "", step.detail)))
        lines = tuple(filter(None, (words, "shape mismatch" if fault is not None else "")))
        ids = frozenset({step.id})
        return Box(step.id, step.name, lines, self._sort(step), ids, step.path, step.place, fault=fault)

    def _sort(self, step: ForwardStep) -> Sort:
        if step.operation in ("input", "output"):
            return "input" if step.operation == "input" else "output"
        if step.id in self._trace.additions or step.operation in ADDITIONS or step.operation in ("cat", "concat"):
            return "join"
        return "layer" if layer_name(step) is not None else "small"

    def _folded(self, steps: Sequence[ForwardStep]) -> tuple[Box, ...]:
        """The boxes of consecutive steps: followers are merged into the preceding box, identical modules into one."""
        runs: list[list[ForwardStep]] = []
        for step in steps:
            if runs and self._repeats(step, runs[-1][-1]):
                runs[-1].append(step)
            else:
                runs.append([step])
        boxes: list[Box] = []
        for run in runs:
            if boxes and self._only_follows(run[0], boxes[-1]):
                boxes[-1] = _with_follower(boxes[-1], run[0])
            else:
                boxes.append(self._repeated(run))
        return tuple(boxes)

    def _repeats(self, step: ForwardStep, before: ForwardStep) -> bool:
        """Whether a module is identical to the one before it and takes its output."""
        if not step.parts or not before.parts:
            return False
        inside, earlier = ({part.id for part in module.walk()} for module in (step, before))
        fed = any(flow.source in earlier for id in inside for flow in self._into.get(id, []))
        return fed and _structure(step, self._faults) == _structure(before, self._faults)

    def _repeated(self, steps: Sequence[ForwardStep]) -> Box:
        box = self.of(steps[0])
        if len(steps) == 1:
            return box
        ids = frozenset(part.id for step in steps for part in step.walk())
        title = f"{steps[0].name} .. {steps[-1].name}"
        return replace(box, title=title, ids=ids, count=len(steps))

    def _only_follows(self, step: ForwardStep, before: Box) -> bool:
        """Whether a step is an activation or normalization and the only user of the box before it."""
        if step.parts or before.parts or self._sort(step) != "small" or before.sort in ("input", "output"):
            return False
        flows = self._into.get(step.id, [])
        if len(flows) != 1 or flows[0].source not in before.ids or step.id in self._faults:
            return False
        users = {flow.target for id in before.ids for flow in self._out_of.get(id, [])} - before.ids
        return users == {step.id} and all(flow.tensor.shape == flows[0].tensor.shape for flow in self._out_of[step.id])


def _with_follower(box: Box, step: ForwardStep) -> Box:
    name = step.kind if step.name.isdigit() else step.name
    return replace(box, followers=(*box.followers, name), ids=box.ids | {step.id})


def _structure(step: ForwardStep, faults: Mapping[int, TracedFault]) -> Any:
    """A comparable value that identical modules share, including their parts."""
    shapes = tuple(tensor.shape for tensor in step.inputs), tuple(tensor.shape for tensor in step.outputs)
    fault = faults[step.id].error if step.id in faults else None
    inside = tuple((part.name, _structure(part, faults)) for part in step.parts)
    return step.kind, step.operation, step.detail, shapes, fault, inside
