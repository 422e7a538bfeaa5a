"""Expresses the condition of a join in terms of the input of a module: `H % 2 == 0` for the input of the block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.model import Model
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import residual_at
from resnet_lint.shared.evidence import SizesTaken
from resnet_lint.shared.records.places import Operand

from .follow_sizes import Follower
from .periodic_sizes import LARGEST, PeriodicCondition, periodic_condition
from .unlike_joins import Join, joins_in, sizes_of_inputs

_WORDS: Mapping[str, str] = {"L": "lengths", "H": "heights", "W": "widths", "T": "depths"}


@dataclass(frozen=True)
class View:
    """A join in a module call, with sizes in terms of the input of the module.

    `others` are all joins in the call that work for some sizes only, including this one.
    """

    call: ModuleCall
    join: Join
    others: Sequence[Join]
    follower: Follower

    @property
    def condition(self) -> str:
        """The input sizes for which the join works, in all iterations of a loop: `H % 2 == 0 and W % 2 == 0`."""
        return self._text([join for join in self.others if join.span == self.join.span])

    @property
    def condition_of_all(self) -> str:
        """The sizes for which all joins of the module work, along the axes of this one."""
        return self._text(self.others)

    @property
    def words(self) -> str:
        """The sizes that work for all joins, if possible in words: `even heights and widths`."""
        conditions = {self._condition(axis, self.others) for axis in self.join.unlike}
        names = " and ".join(_WORDS.get(axis, "sizes") for axis in self.join.unlike)
        condition = conditions.pop()
        if conditions or condition is None or condition.remainders != (0,):
            return f"some {names}"
        return f"even {names}" if condition.period == 2 else f"{names} divisible by {condition.period}"

    @property
    def repeats(self) -> bool:
        """Whether the sizes that work for all joins are periodic."""
        return all(self._condition(axis, self.others) is not None for axis in self.join.unlike)

    @property
    def record(self) -> SizesTaken:
        """The conditions as a record."""
        subject = type(self.call.module).__name__
        return SizesTaken(subject, self.words, self.condition, self.condition_of_all, self.join.grows)

    def symbolic(self, operands: Sequence[Operand], fault: Fault) -> tuple[Operand, ...]:
        """The operands of a fault of the join, in this or another trace, with their symbolic shapes."""
        same = dict(zip(fault.node.sources, self.join.node.sources, strict=False))
        residual = residual_at(fault.node) if fault.kind == "addition" else None
        nodes = [same[residual.branch], same[residual.shortcut]] if residual is not None else list(same.values())
        pairs = zip(operands, nodes, strict=False)
        return tuple(replace(operand, symbolic=self.shape_text(node)) for operand, node in pairs)

    def shape_text(self, node: Node) -> tuple[str, ...]:
        """The shape of a node in terms of the module's input: `("N", "64", "H//2", "W//2")`."""
        shape, sizes = node.known_shape, self.follower.sizes(node)
        known = sizes if len(sizes) == len(shape) else (None,) * len(shape)
        texts = [str(extent) if size is None else size.text for extent, size in zip(shape, known, strict=True)]
        return ("N", *texts[1:])

    def _text(self, joins: Sequence[Join]) -> str:
        return " and ".join(self._along(axis, joins) for axis in self.join.unlike)

    def _along(self, axis: str, joins: Sequence[Join]) -> str:
        condition = self._condition(axis, joins)
        if condition is not None:
            return condition.text(axis)
        return " == ".join(size.text for size in self.join.unlike[axis])

    def _condition(self, axis: str, joins: Sequence[Join]) -> PeriodicCondition | None:
        along = [join for join in joins if axis in join.unlike]
        sizes = range(1, LARGEST)
        least = next((size for size in sizes if all(min(join.sizes_at(axis, size)) > 0 for join in along)), 1)
        return periodic_condition(lambda size: all(join.agrees(axis, size) for join in along), least)


def view_of(join: Join, model: Model) -> View | None:
    """The view of a join in the innermost user's module whose input size determines it; None if there is none."""
    views = (_view(call, join, model) for call in model.block_of(join.node).with_callers() if not call.is_torchs)
    return next((view for view in views if view is not None), None)


def _view(call: ModuleCall, join: Join, model: Model) -> View | None:
    bases = sizes_of_inputs(call.inputs, model.nodes)
    sizes = {size for axes in bases.values() for size in axes if size is not None}
    if not bases or (call.parent is not None and any(size.steps for size in sizes)):
        return None
    follower = Follower(bases)
    inside = [node for node in model.trace.nodes if node.call and call in node.call.with_callers()]
    joins = list(joins_in(inside, follower))
    own = next((other for other in joins if other.node is join.node), None)
    return View(call, own, joins, follower) if own is not None else None
