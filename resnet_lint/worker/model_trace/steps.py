"""Converts the tree of module calls to records."""

from __future__ import annotations

from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Point
from resnet_lint.shared.records.model_trace import Flow, ForwardStep, SourceLine

from .details import detail_of, operation_of
from .flows import crossings
from .tree import OUTPUT, StepKey, Tree


def step_tree(tree: Tree, flows: tuple[Flow, ...], model: nn.Module) -> ForwardStep:
    """The root step, which contains all others; `model` holds the parameters."""
    return _Steps(tree, flows, model).step(tree.root, None)


class _Steps:
    def __init__(self, tree: Tree, flows: tuple[Flow, ...], model: nn.Module) -> None:
        self._tree = tree
        self._crossings = crossings(tree, flows)
        self._numbers = {name: parameter.numel() for name, parameter in model.named_parameters()}

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
            own = sum(self._numbers.get(source.target, 0) for source in key.sources)
            place = _place(key.point)
            return ForwardStep(id, operation, path, operation, operation, detail, own, takes, gives, place)
        module, name = key.module, key.relative_path(outer)
        numbers = sum(parameter.numel() for parameter in module.parameters())
        built = built_of(module)
        places = _place(key.caller), _place(built.point if built is not None else None)
        parts = tuple(self.step(part, key) for part in self._tree.parts[key])
        kind = type(module).__name__
        return ForwardStep(id, name, key.path, kind, operation, detail, numbers, takes, gives, *places, parts)


def _place(point: Point | None) -> SourceLine | None:
    return SourceLine(point.span.path, point.span.start.line) if point is not None else None
