"""Finds tensors that are modified in place and read later under a name from before the modification.

`x = relu_(x)` is intended; `out = relu_(x)` followed by `x + out` is a mistake. Both pass on the same tensor, so only
the names of the tensor at the time of the modification distinguish them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

import torch

from resnet_lint.graph.in_place import Change, LateRead
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point, Project, point
from resnet_lint.graph.syntax import (
    is_loop_variable,
    is_taken_from,
    keeps_its_value,
    may_be_taken_from,
    names_read_by,
    node_at,
    statement_at,
    takes_from,
)

from ..tensors import tensors_in

Versions = list[tuple[torch.Tensor, int]]


def versions_of(values: Any) -> Versions:
    """The tensors in a value with their version counters, which count in-place modifications."""
    return [(tensor, tensor._version) for tensor in tensors_in(values) if not tensor.is_inference()]


def changed_since(versions: Versions) -> list[torch.Tensor]:
    return [tensor for tensor, version in versions if tensor._version != version]


class Watch:
    """Tracks the in-place modifications in a trace; `late_reads` are the reads under an earlier name.

    `refused` is the modification that autograd does not allow, that of a trainable parameter, which ends the trace.
    """

    def __init__(self, project: Project) -> None:
        self.late_reads: list[LateRead] = []
        self.refused: Change | None = None
        self._project = project
        self._changes: dict[int, list[Change]] = {}
        self._ran: dict[FrameType, set[int]] = {}

    def runs(self, frame: FrameType | None) -> None:
        """Record that a frame of the user's code calls a module or a torch function."""
        if frame is not None:
            self._ran.setdefault(frame, set()).add(frame.f_lasti)

    def changes(self, node: Node, tensor: torch.Tensor, frame: FrameType | None) -> None:
        """Record that a call modified a tensor; `frame` is the innermost frame of the user's code."""
        if not node.activation:
            return
        frames = {}
        while frame is not None:
            names = {name: value for name, value in frame.f_locals.items() if _holds(value, tensor)}
            frames[frame] = (point(frame), names)
            frame = self._project.frame(frame.f_back)
        change = Change(node, tensor, tensor._version, frames)
        self._changes.setdefault(_storage(tensor), []).append(change)

    def refuses(self, node: Node, tensor: torch.Tensor) -> None:
        """Record that autograd raised an error instead of a modification."""
        self.refused = Change(node, tensor, tensor._version, {})

    @property
    def saw_changes(self) -> bool:
        """Whether any tensor that depends on the input was modified in place."""
        return bool(self._changes)

    def first_change(self, tensor: torch.Tensor, version: int) -> Change | None:
        """The first modification after a version, of a tensor or of one that shares its storage."""
        changes = self._changes.get(_storage(tensor), ())
        return next((change for change in changes if change.version > version), None)

    def reads(self, node: Node, versions: Versions, result: Any, frame: FrameType | None) -> None:
        """Check the tensors that a call reads; call this before recording its own modifications."""
        self.runs(frame)
        for tensor, version in versions:
            for change in self._changes.get(_storage(tensor), ()) if version else ():
                if _overlap(tensor, change.tensor) and not (_is_intended(change, node) or _is_apart(result, change)):
                    self._read(change, node, tensor, frame)

    def _read(self, change: Change, node: Node, tensor: torch.Tensor, frame: FrameType | None) -> None:
        while frame is not None and frame not in change.frames:
            frame = self._project.frame(frame.f_back)
        if frame is None:
            return
        since, names = change.frames[frame]
        here = point(frame)
        ran = {statement_at(Point(frame.f_code, instruction)) for instruction in self._ran.get(frame, ())}
        read = names_read_by(node_at(here))
        for name in sorted(read & names.keys()):
            unmoved = frame.f_locals.get(name) is names[name] and _holds(names[name], tensor)
            is_kept = unmoved and keeps_its_value(name, since, here, ran)
            if _is_container(names[name]):
                is_kept = unmoved and _keeps_parts(name, change.node, since, is_kept)
            if is_kept:
                self.late_reads.append(LateRead(change, node, name, here))
                return
        values = frame.f_locals
        taken = {name for name in read - names.keys() if _holds(values.get(name), tensor)}
        for name in sorted(names):
            is_kept = _is_container(names[name]) and values.get(name) is names[name]
            if is_kept and _is_taken_out(name, taken, since, here):
                self.late_reads.append(LateRead(change, node, name, here))
                return


class NoWatch(Watch):
    """Tracks nothing: for traces that repeat one whose in-place modifications are known."""

    def runs(self, frame: FrameType | None) -> None:
        pass

    def changes(self, node: Node, tensor: torch.Tensor, frame: FrameType | None) -> None:
        pass

    def reads(self, node: Node, versions: Versions, result: Any, frame: FrameType | None) -> None:
        pass


class Saved:
    """Records the tensors that autograd saves in a forward pass, with their versions."""

    def __init__(self) -> None:
        self._saved: list[tuple[torch.Tensor, int]] = []

    def listening(self) -> AbstractContextManager[object]:
        """Record tensors that are saved inside the with block."""
        return torch.autograd.graph.saved_tensors_hooks(self._note, lambda tensor: tensor)

    def _note(self, tensor: torch.Tensor) -> torch.Tensor:
        self._saved.append((tensor, tensor._version))
        return tensor

    def spoiled(self) -> list[tuple[torch.Tensor, int]]:
        """The tensors that were modified after they were saved, with the saved version."""
        return [(tensor, version) for tensor, version in self._saved if tensor._version != version]


_REFUSALS = ("modified by an inplace operation", "is being modified inplace", "is being used in an in-place operation")


def refuses_change(error: BaseException) -> bool:
    """Whether autograd raised an error because of an in-place modification."""
    return any(refusal in str(error) for refusal in _REFUSALS)


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _holds(value: Any, tensor: torch.Tensor) -> bool:
    if isinstance(value, torch.Tensor):
        return _overlap(value, tensor)
    parts: Sequence[Any] = ()
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, (list, tuple)):
        parts = value
    return any(isinstance(part, torch.Tensor) and _overlap(part, tensor) for part in parts)


def _is_taken_out(container: str, taken: Iterable[str], since: Point, here: Point) -> bool:
    """Whether an expression reads what a list kept before a modification: `s = skips.pop()`."""
    modified = names_read_by(node_at(since))
    if any(is_taken_from(name, container, since.code) for name in modified):
        return False  # an element of the list is modified on purpose
    reads = any(is_taken_from(name, container, here.code) for name in taken)
    return reads or takes_from(node_at(here), container)


def _is_container(value: Any) -> bool:
    return isinstance(value, (list, dict))


def _keeps_parts(container: str, change: Node, since: Point, is_unchanged: bool) -> bool:
    """Whether a list that holds a modified tensor should have its old value: `outs.append(x); x += y; cat(outs)`.

    A loop over the list modifies its parts on purpose. A list that got more parts since then may do so in other ways.
    """
    modified = names_read_by(node_at(since))
    if any(is_loop_variable(name, container, since.code) for name in modified):
        return False
    is_apart = container not in modified and not any(
        may_be_taken_from(name, container, since.code) for name in modified
    )
    return is_unchanged or (is_apart and change.function not in _WRITES)


# These set values, perhaps of a new tensor that is in a list already.
_WRITES = frozenset({"setitem", "copy", "fill", "zero", "masked_fill", "scatter", "index_copy"})


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors certainly overlap: they are equal, one is a view of the other, or both cover the storage."""
    if one is other or one._base is other or other._base is one:
        return True
    if one._base is None or one._base is not other._base:
        return False
    return one.numel() == other.numel() == one._base.numel()


def _is_apart(result: Any, change: Change) -> bool:
    """Whether a call only takes other slices of a tensor than those that were modified: `x[..., :c]`, `x[..., c:]`."""
    base = change.tensor._base
    if not isinstance(result, torch.Tensor) or base is None or result._base is not base:
        return False
    if not result.stride() == change.tensor.stride() == base.stride():
        return False
    pairs = zip(_slices(result, base), _slices(change.tensor, base), strict=True)
    return any(one.stop <= other.start or other.stop <= one.start for one, other in pairs)


def _slices(view: torch.Tensor, base: torch.Tensor) -> list[range]:
    """The range of a view in each axis of its base, whose strides the view has."""
    offset = int(view.storage_offset() - base.storage_offset())
    ranges = [range(size) for size in view.shape]
    for axis in sorted(range(base.dim()), key=base.stride, reverse=True):
        start, offset = divmod(offset, max(base.stride(axis), 1))
        ranges[axis] = range(start, start + view.shape[axis])
    return ranges


def _is_intended(change: Change, reader: Node) -> bool:
    """Whether a reader may have the modified tensor."""
    modifier = change.node
    is_known = _fills(modifier) or _changes_nothing(modifier) or _is_of_diagonal(modifier)
    return is_known or _same_again(modifier, reader) or _puts_back(change, reader)


def _fills(node: Node) -> bool:
    """Whether a call writes into a tensor that was made for it: `out = torch.zeros_like(x); out[1:] = x[:-1]`."""
    target = _changed_by(node)
    while target is not None and (target.in_place or target.kind == "written"):
        target = _changed_by(target)
    return target is not None and (not target.activation or target.function in _NEW)


def _changes_nothing(node: Node) -> bool:
    """Whether a call is a ReLU of what a ReLU returned."""
    target = _changed_by(node)
    return node.spelling in ("relu", "relu_") and target is not None and target.function == "relu"


def _is_of_diagonal(node: Node) -> bool:
    """Whether a call modifies the diagonal of a matrix: `c.diagonal().add_(-1)`; the rest is read, or the new one."""
    target = _changed_by(node)
    while target is not None and target.in_place:
        target = _changed_by(target)
    return target is not None and target.function == "diagonal"


def _changed_by(node: Node) -> Node | None:
    return node.operands[0] if node.operands else None


_NEW = frozenset(f"{values}{made}" for values in ("zeros", "ones", "empty", "full") for made in ("", "_like")) | {
    *("new_zeros", "new_ones", "new_empty", "new_full", "rand_like", "randn_like")
}

# These functions are idempotent.
_IDEMPOTENT = frozenset({"relu", "relu_", "relu6", "hardtanh", "hardtanh_", "clamp", "clamp_"})


def _same_again(change: Node, reader: Node) -> bool:
    names = {node.spelling.rstrip("_") for node in (change, reader)}
    return len(names) == 1 and names <= _IDEMPOTENT


def _puts_back(change: Change, reader: Node) -> bool:
    """Whether a call is the assignment in `x[1:] += y`: Python adds to the slice in place, and then assigns it."""
    first, second = change.node.point, reader.point
    if reader.spelling != "__setitem__" or first is None or second is None:
        return False
    return first.code is second.code and statement_at(first) is statement_at(second)
