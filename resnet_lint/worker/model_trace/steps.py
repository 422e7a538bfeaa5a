"""Converts the tree of module calls to records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.model_trace import Flow, ForwardStep, SourceLine, TracedTensor

from ..tensors import named_parameters_of, parameters_of
from .channels import channel_axes
from .details import detail_of, operation_of
from .flows import crossings
from .receptive_field import receptive_field
from .tree import OUTPUT, StepKey, Tree

_DEEPEST_FIELD = 2  # modules below the model whose receptive fields are found


def step_tree(tree: Tree, flows: tuple[Flow, ...], trace: Trace, costs: Mapping[str, int]) -> ForwardStep:
    """The root step, which contains all others. `costs` are the multiply-adds of nodes for one sample, by name."""
    return _Steps(tree, flows, trace, costs).step(tree.root, None)


class _Steps:
    def __init__(self, tree: Tree, flows: tuple[Flow, ...], trace: Trace, costs: Mapping[str, int]) -> None:
        self._tree = tree
        self._crossings = crossings(tree, flows)
        self._parameters = dict(named_parameters_of(trace.root))
        self._costs = costs
        self._channels = channel_axes(trace.nodes)
        self._by_name = {node.name: node for node in trace.nodes}

    def step(self, key: StepKey, outer: ModuleCall | None) -> ForwardStep:
        """One step, named relative to the enclosing call."""
        id = self._tree.ids[key]
        takes, gives = map(tuple, self._crossings[id])
        if isinstance(key, str):
            operation = OUTPUT if key == OUTPUT else "input"
            return ForwardStep(id, key, key, "", operation, "", 0, takes, gives)
        nodes = self._tree.nodes.get(key, [])
        operation, detail = operation_of(nodes), detail_of(nodes)
        if isinstance(key, Node):
            path = f"{key.known_call.path}.{operation}".removeprefix(".")
            named = (self._parameters.get(source.target) for source in key.sources)
            own, trainable = _numbers(parameter for parameter in named if parameter is not None)
            place, cost, field = _place(key.point), self._cost(nodes), self._field(key, gives)
            return ForwardStep(
                id, operation, path, operation, operation, detail, own, takes, gives, place,
                trainable=trainable, multiply_adds=cost, receptive_field=field,
            )  # fmt: skip
        module, name = key.module, key.relative_path(outer)
        numbers, trainable = _numbers(parameters_of(module))
        built = built_of(module)
        places = _place(key.caller), _place(built.point if built is not None else None)
        parts = tuple(self.step(part, key) for part in self._tree.parts[key])
        kind = type(module).__name__
        cost = self._cost(nodes) + sum(part.multiply_adds for part in parts)
        return ForwardStep(
            id, name, key.path, kind, operation, detail, numbers, takes, gives, *places, parts,
            trainable, cost, self._field(key, gives),
        )  # fmt: skip

    def _cost(self, nodes: Sequence[Node]) -> int:
        return sum(self._costs.get(node.name, 0) for node in nodes)

    def _field(self, key: Node | ModuleCall, outputs: Sequence[TracedTensor]) -> tuple[int, ...] | None:
        """The sizes of the receptive field of a step with a single output, near the top of the model."""
        if len(outputs) != 1 or not 0 < len(self._tree.around(key)) <= _DEEPEST_FIELD:
            return None
        field = receptive_field(self._by_name[outputs[0].name], self._channels)
        return None if field is None else tuple(last - first + 1 for first, last in field)


def _numbers(parameters: Iterable[nn.Parameter]) -> tuple[int, int]:
    """The number of parameters, and of those that require a gradient."""
    found = list(parameters)
    return sum(one.numel() for one in found), sum(one.numel() for one in found if one.requires_grad)


def _place(point: Point | None) -> SourceLine | None:
    return SourceLine(point.span.path, point.span.start.line) if point is not None else None
