"""A recorder of concrete traces that propagates dyes from call to call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.node import Node
from resnet_lint.graph.samples import Crossing
from resnet_lint.graph.source_places import Project

from ..tensors import tensors_in
from ..tracer.in_place_changes import NoWatch
from ..tracer.recorder import Recorder
from ..tracer.torch_functions import CHANNEL_NORMS, CONVOLUTIONS, TRANSPOSED, plain_name
from .dye import UNKNOWN, Dye, batch_on
from .experiment import NotFollowedError, Spread, by_experiment, moved_owners
from .quick_calls import quick_owners
from .quick_spreads import quick_spreads

Known = dict[Any, Sequence[Spread]]
"""The results of experiments, by call, shapes and dyes."""


class DyedRecorder(Recorder):
    """Records one forward whose inputs in `dyed` have `samples` samples along their axis `axis`.

    After it, `dye_of` says what became of a tensor; `batch_is_certain` is true where a layer took the axis for the
    batch, as every convolution does.
    """

    def __init__(self, root: nn.Module, project: Project, prefer_branch: bool, samples: int, known: Known) -> None:
        super().__init__(root, project, prefer_branch)
        self.watch = NoWatch(project)
        self.batch_is_certain = False
        self._samples = samples
        self._known = known
        self._dyes: dict[int, Dye] = {}

    def dye(self, tensor: torch.Tensor, axis: int) -> None:
        """Dye an input."""
        owners = batch_on(axis, tensor.dim(), self._samples)
        self._dyes[id(tensor)] = Dye(owners, is_choice=not tensor.is_floating_point())

    def dye_of(self, tensor: torch.Tensor) -> Dye | None:
        return self._dyes.get(id(tensor))

    def _called(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = [(tensor, dye) for tensor in tensors_in((args, kwargs)) if (dye := self.dye_of(tensor)) is not None]
        shapes = [tuple(tensor.shape) for tensor, _ in given]
        result = super()._called(func, args, kwargs)
        if given and all(tuple(tensor.shape) == shape for (tensor, _), shape in zip(given, shapes, strict=True)):
            with torch._C.DisableTorchFunction():
                self._follow(func, args, kwargs, given, result)
        return result

    def _follow(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        given: Sequence[tuple[torch.Tensor, Dye]],
        result: Any,
    ) -> None:
        made = list(tensors_in(result)) or (list(args[:1]) if func is torch.Tensor.__setitem__ else [])
        if not made:
            return
        self._note_certainty(func, args, given)
        crossed = frozenset[Crossing]().union(*(dye.crossings for _, dye in given))
        scattered = next((dye.scattered_by for _, dye in given if dye.scattered_by is not None), None)
        spreads = self._spreads(func, args, kwargs, given, result)
        chosen = all(dye.is_choice for _, dye in given) and not self._has_weights((args, kwargs))
        for index, tensor in enumerate(made):
            spread = spreads[index] if spreads is not None and len(spreads) == len(made) else None
            dye = self._dye_after(spread, tensor, given, scattered, made[0])
            if dye is not None:
                is_choice = chosen or not tensor.is_floating_point()
                self._dyes[id(tensor)] = Dye(dye.owners, dye.crossings | crossed, dye.scattered_by, is_choice)
            else:
                self._dyes.pop(id(tensor), None)

    def _spreads(
        self, func: Any, args: Any, kwargs: Any, given: Sequence[tuple[torch.Tensor, Dye]], result: Any
    ) -> Sequence[Spread] | None:
        """The dyes of the results; None if unknown."""
        if any(dye.owners is None for _, dye in given):
            return None
        plain = [(tensor, dye.owners) for tensor, dye in given if dye.owners is not None]
        if all(dye.scattered_by is None for _, dye in given):
            quick = quick_owners(func, args, kwargs, plain, result)
            if quick is not None:
                return [Spread(quick)]
            spreads = quick_spreads(func, args, kwargs, plain, len(list(tensors_in(result))))
            if spreads is not None:
                return spreads
        key = _key(func, args, kwargs, {id(tensor): dye.key for tensor, dye in given})
        if key not in self._known:
            owners = {id(tensor): dye for tensor, dye in plain}
            try:
                moved = moved_owners(func, args, kwargs, owners)
                self._known[key] = moved or by_experiment(func, args, kwargs, owners, self._samples)
            except NotFollowedError:
                self._known[key] = ()
        found = self._known[key]
        is_unknown = any(spread.mixed for spread in found) and _is_looked_up(func, given)
        return None if is_unknown or not found else found

    def _dye_after(
        self,
        spread: Spread | None,
        tensor: torch.Tensor,
        given: Sequence[tuple[torch.Tensor, Dye]],
        scattered: Node | None,
        first: torch.Tensor,
    ) -> Dye | None:
        """The dye of a result; None if it depends on no sample, or on all of them, as in a mean."""
        if spread is None:
            return UNKNOWN
        if spread.is_scattered:
            return Dye(spread.owners, scattered_by=scattered or self._call_of(first))
        if not spread.mixed:
            return Dye(spread.owners) if spread.owners is not None else None
        if spread.paired and scattered is None:
            return None
        if not tensor.is_floating_point() or all(dye.is_choice for _, dye in given):
            return UNKNOWN  # ranks and indices, such as for selecting experts
        return self._crossed(tensor, given, scattered, self._call_of(first))

    def _crossed(
        self,
        tensor: torch.Tensor,
        given: Sequence[tuple[torch.Tensor, Dye]],
        scattered: Node | None,
        node: Node | None,
    ) -> Dye | None:
        """The dye after samples were mixed: unchanged if the result still has an axis for them."""
        if scattered is not None:
            crossing = Crossing(scattered, "folded", 0, node)
            return Dye(_in_blocks(tensor, self._samples), frozenset({crossing}))
        operand, dye = max(given, key=lambda pair: pair[0].numel())
        axis, owners = dye.axis, dye.owners
        if axis is None or owners is None:
            return UNKNOWN
        length = operand.shape[axis]
        axes = [index for index in (axis, *range(tensor.dim())) if index < tensor.dim()]
        after = next((index for index in axes if tensor.shape[index] == length), None)
        if after is None:
            return None
        sizes = [length if index == after else 1 for index in range(tensor.dim())]
        met = frozenset({Crossing(node, "computed", axis)}) if node is not None else frozenset[Crossing]()
        return Dye(owners.reshape(sizes), met)

    def _has_weights(self, value: Any) -> bool:
        """Whether an argument contains values that depend on no sample, such as the weights of a layer."""
        return any(tensor.is_floating_point() and self.dye_of(tensor) is None for tensor in tensors_in(value))

    def _call_of(self, result: torch.Tensor) -> Node | None:
        """The call that computed a tensor, possibly as one of several results."""
        node = self._nodes.get(id(result))
        while node is not None and node.kind == "part":
            node = node.operands[0]
        return node

    def _note_certainty(self, func: Any, args: Any, given: Sequence[tuple[torch.Tensor, Dye]]) -> None:
        """Record whether a layer with a fixed batch axis gets the samples along this axis."""
        tensor, dye = given[0]
        axis = _batch_axis_of(func, args, tensor)
        alone = axis is not None and tensor.shape[axis] == self._samples  # not merged with the steps of a sequence
        if alone and dye.axis == axis and dye.scattered_by is None and not dye.crossings:
            self.batch_is_certain = True


def _is_looked_up(func: Any, given: Sequence[tuple[torch.Tensor, Dye]]) -> bool:
    """Whether a call takes rows by an index that depends on the sample.

    Its values are unknown: they may keep to the rows of their sample, such as the neighbours of a point in a batch of
    clouds, `features.view(batch * points, -1)[neighbours + arange(batch) * points]`.
    """
    is_index = any(dye.is_choice and not tensor.is_floating_point() for tensor, dye in given)
    return is_index and plain_name(func) in _LOOKUPS


_LOOKUPS = frozenset({"getitem", "index_select", "gather", "take", "take_along_dim"})


def _batch_axis_of(func: Any, args: Any, tensor: torch.Tensor) -> int | None:
    """The batch axis of a call's input, if it is certain; else None."""
    name = str(getattr(func, "__name__", ""))
    if func in CONVOLUTIONS | TRANSPOSED | CHANNEL_NORMS and tensor.dim() > 2:
        return 0
    if name == "batch_norm":
        return 0
    if name == "multi_head_attention_forward" and tensor.dim() == 3:
        return 1
    if name in ("lstm", "gru", "rnn_tanh") and tensor.dim() == 3 and len(args) == 9:
        return 0 if args[8] else 1
    return None


def _in_blocks(tensor: torch.Tensor, samples: int) -> torch.Tensor | None:
    """The owners along the first axis whose size is a multiple of the batch; None if there is none."""
    axis = next((axis for axis, size in enumerate(tensor.shape) if size % samples == 0), None)
    if axis is None:
        return None
    rows = torch.arange(1, samples + 1, dtype=torch.uint8).repeat_interleave(tensor.shape[axis] // samples)
    return rows.reshape([-1 if index == axis else 1 for index in range(tensor.dim())])


def _key(func: Any, args: Any, kwargs: Any, dyes: Mapping[int, Any]) -> Any:
    return func, tuple(_facts(args, dyes)), tuple(_facts(kwargs, dyes))


def _facts(value: Any, dyes: Mapping[int, Any]) -> Iterator[Any]:
    """The properties of the arguments on which an experiment depends."""
    if isinstance(value, torch.Tensor):
        yield tuple(value.shape), value.dtype, dyes.get(id(value))
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _facts(part, dyes)
    elif isinstance(value, (list, tuple)):
        yield "("
        for part in value:
            yield from _facts(part, dyes)
    else:
        yield repr(value)
