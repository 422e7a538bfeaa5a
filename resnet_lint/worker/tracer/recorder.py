"""Records every torch call of a forward pass on meta tensors as a node of a graph.

Unlike `torch.fx.symbolic_trace`, which passes proxies and stops at the first `if x.shape[2] % 2`, this runs the
unmodified forward and intercepts its calls (torch.overrides.TorchFunctionMode).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.fx.node import map_aggregate

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.fault import Fault, Kind
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import deeper
from resnet_lint.graph.source_places import Point, Project, caller, point
from resnet_lint.graph.squeezed_batch import squeeze_of_batch
from resnet_lint.graph.trace import Arguments

from ..tensors import named_parameters_of, parameters_of, tensors_in
from ..torch_quirks.packed_sequences import packed_result
from ..torch_quirks.torchvision_operators import known_result
from .fault import kind_of
from .in_place_changes import Watch, changed_since, refuses_change, versions_of
from .known_values import result_on_meta
from .meta_device import OnMeta
from .meta_lets_pass import refuse_empty_convolution, refuse_what_meta_lets_pass
from .node_writer import NodeWriter
from .proof import SHAPE_ERRORS, DataDependentError, replay
from .recover import recovered
from .torch_functions import layer_of


class Recorder(OnMeta):
    """A context manager that records a forward pass of `root`: `nodes`, `faults` and `completed`.

    Where a size depends on values, as that of `x[mask]`, one is assumed, and another one if `other_values` is set.
    """

    def __init__(self, root: nn.Module, project: Project, prefer_branch: bool, other_values: bool = False) -> None:
        super().__init__()
        self._writer = self._new_writer()
        self.faults: list[Fault] = []
        self.completed: list[ModuleCall] = []
        self.pending: tuple[BaseException, Fault] | None = None
        # The number of faults before the first size that depends on values; None if there is no such size.
        self.sure_faults: int | None = None
        self._other_values = other_values
        self._root = root
        self._project = project
        self._prefer_branch = prefer_branch
        self._paths: dict[int, str] = {id(module): path for path, module in root.named_modules()}
        self._stored = dict(_stored_tensors(root))
        self._has_lazy = any(torch.nn.parameter.is_lazy(parameter) for parameter in parameters_of(root))
        self._current: ModuleCall | None = None
        self._nodes: dict[int, Node] = {}
        # Tensors are identified by id, so they are kept alive to prevent Python from reusing an id.
        self._alive: list[Any] = []
        self._moved_from: dict[int, int] = {}
        self.results: dict[ModuleCall, tuple[Node, ...]] = {}
        self.arguments: dict[nn.Module, Arguments] = {}
        self.watch = Watch(project)

    def placeholder(self, name: str, tensor: torch.Tensor) -> None:
        """Record an input of the model."""
        self._keep(self._writer.input(name, tensor), tensor)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The graph: all calls so far, in execution order."""
        return tuple(self._writer.nodes)

    def _new_writer(self) -> NodeWriter:
        return NodeWriter()

    @contextmanager
    def entered(self, module: nn.Module, args: Any, kwargs: Any) -> Iterator[ModuleCall]:
        """Attribute all calls inside the with block to this call of `module`."""
        frame = self._user_frame(caller(2))
        self.watch.runs(frame)
        passed = frozenset(id(tensor) for tensor in tensors_in([args, kwargs]))
        call = ModuleCall(
            module,
            self._path(module),
            self._current,
            point(frame) if frame is not None else None,
            passed,
            self.nodes_of([args, kwargs]),
        )
        self._alive.append((args, kwargs))
        if self.is_users(module):
            self.arguments.setdefault(module, (args, kwargs))
        outer, self._current = self._current, call
        try:
            yield call
            self.completed.append(call)
        except SHAPE_ERRORS as error:
            if self.pending is None and self._is_from_torch(error, call):
                # A module of torch rejected its input in Python, before any torch call: "expected 4D input".
                fault = self._fault("other", module, args, kwargs, str(error), None)
                self.pending = (error, fault) if fault is not None else None
            raise
        finally:
            self._current = outer

    def _is_from_torch(self, error: BaseException, call: ModuleCall) -> bool:
        """Whether a module of torch raises an error itself, and not one of the user's modules in it."""
        codes = (frame.f_code for frame, _ in walk_tb(error.__traceback__))
        return call.is_torchs and not any(map(self._project.owns, codes))

    def run(self, call: ModuleCall, forward: Callable[[], Any], args: Any, kwargs: Any) -> Any:
        """Run the forward of a module."""
        return forward()

    def nodes_of(self, value: Any) -> tuple[Node, ...]:
        """The nodes of the tensors in a value, without tensors that are not in the graph."""
        return tuple(self._nodes[id(tensor)] for tensor in tensors_in(value) if id(tensor) in self._nodes)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if self._has_lazy and any(torch.nn.parameter.is_lazy(tensor) for tensor in tensors_in([args, kwargs])):
            return func(*args, **(kwargs or {}))  # a lazy layer initialises its parameters
        return super().__torch_function__(func, types, args, kwargs)

    def _called(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        versions = versions_of([args, kwargs])
        try:
            refuse_what_meta_lets_pass(func, args, kwargs)
            result = result_on_meta(func, args, kwargs)
            refuse_empty_convolution(func, result)
        except SHAPE_ERRORS as error:
            return self._after(error, func, args, kwargs)
        changed = changed_since(versions)
        gives_tensors = next(tensors_in(result), None) is not None
        if changed or gives_tensors:
            node = self._write(func, args, kwargs, result if gives_tensors else None, bool(changed))
            self.watch.reads(node, versions, result, self._user_frame(caller()))
            self._note_changes(node, changed)
        return result

    def _note_changes(self, node: Node, changed: Sequence[torch.Tensor]) -> None:
        """Map tensors that were modified in place, and the bases of modified views, to the node of the call."""
        for tensor in changed:
            self._nodes[id(tensor)] = self._nodes[self._moved_from.get(id(tensor), id(tensor))] = node
            base = tensor._base
            if base is not None and id(base) in self._nodes:
                self._keep(self._writer.written(self._nodes[id(base)], node, base.shape), base)
            self.watch.changes(node, tensor, self._user_frame(caller()))

    def _write(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any, in_place: bool = False) -> Node:
        """Record a call; a result of None means an assignment to a part of the first tensor."""
        node_args, node_kwargs = map_aggregate((args, kwargs), self._as_node)
        frame = self._user_frame(caller(2))
        inputs = [tensor.shape for tensor in tensors_in([args, kwargs])]
        node = self._writer.call(
            func,
            self._path(func) if isinstance(func, nn.Module) else "",
            node_args,
            node_kwargs,
            inputs[0] if result is None else _shape_of(result),
            inputs,
            point(frame) if frame is not None else None,
            self._current,
            in_place,
        )
        self._keep(node, result if isinstance(result, torch.Tensor) else None)
        self._write_parts(node, result)
        return node

    def _write_parts(self, node: Node, result: Any) -> None:
        """Record the parts of a result that consists of several tensors."""
        if result is None or isinstance(result, torch.Tensor):
            return
        for key, part in result.items() if isinstance(result, dict) else enumerate(result):
            if next(tensors_in(part), None) is not None:
                item = self._writer.part(node, key, _shape_of(part))
                self._keep(item, part if isinstance(part, torch.Tensor) else None)
                self._write_parts(item, part)

    def _keep(self, node: Node, tensor: torch.Tensor | None) -> None:
        self._alive.append(tensor)
        if tensor is not None:
            self._nodes[id(tensor)] = node

    def _as_node(self, value: Any) -> Any:
        return self._node_of(value, self._current) if isinstance(value, torch.Tensor) else value

    def _node_of(self, tensor: torch.Tensor, call: ModuleCall | None) -> Node:
        """The node of a tensor; a tensor that no call computed is recorded as read by `call`."""
        node = self._nodes.get(id(tensor))
        if node is None:
            node = self._writer.stored(self._stored.get(id(tensor), "constant"), tensor, call)
            self._keep(node, tensor)
        return node

    def _after(self, error: Exception, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Confirm and record a fault, and return a substitute; or return the result if only meta fails."""
        if torch.is_grad_enabled() and refuses_change(error):
            self.watch.refuses(self._write(func, args, kwargs, (), in_place=True), args[0])
            raise error
        if not args and isinstance(kwargs.get("input"), torch.Tensor):
            args, kwargs = (kwargs["input"],), {name: value for name, value in kwargs.items() if name != "input"}
        try:
            text, result = self._replayed(func, args, kwargs)
        except DataDependentError as reason:
            raise reason from error
        if text is None:
            if next(tensors_in(result), None) is not None:
                self._write(func, args, kwargs, result)
            return result
        return self._after_fault(error, func, args, kwargs, text)

    def _after_fault(self, error: Exception, func: Callable[..., Any], args: Any, kwargs: Any, text: str) -> Any:
        """Note a fault that is proved, `text`, and go on with what the fixed call would give; or raise the error."""
        kind = kind_of(func, args, kwargs, text)
        operands = [self._nodes.get(id(tensor)) for tensor in tensors_in([args, kwargs])]
        result = recovered(func, args, kwargs, self._preferred(operands))
        fault = self._fault(kind, func, args, kwargs, text, result)
        if result is None or fault is None:
            self.pending = (error, fault) if fault is not None else None
            raise error
        self.faults.append(fault)
        return result

    def _replayed(self, func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str | None, Any]:
        """Like `replay`, but with a possible result if the shape depends on values."""
        try:
            possible: Any = known_result(func, args, fewer=self._other_values)
            if possible is None:
                possible = packed_result(func, args, shorter=self._other_values)
            if possible is None:
                return replay(func, args, kwargs)
        except DataDependentError as reason:
            possible = reason.other if self._other_values else reason.possible
            if possible is None:
                raise
        if self.sure_faults is None:
            self.sure_faults = len(self.faults)
        return None, possible

    def _fault(
        self, kind: Kind, func: Callable[..., Any], args: Any, kwargs: Any, text: str, result: Any
    ) -> Fault | None:
        """The fault of a call, at the expression to blame; None if there is no user code on the call stack."""
        node = self._write(func, args, kwargs, result if result is not None else ())
        call = self._current
        assert call is not None
        blamed = node.point or _where_built(call.module)
        if blamed is None:
            return None
        if kind == "layer":
            call, blamed = self._where_passed(call, blamed, id(args[0]))
        squeezed = squeeze_of_batch(node)
        if squeezed is not None:
            blamed = squeezed.known_point
        return Fault(kind, node, text, blamed, call, layer_of(func, args, kwargs))

    def _where_passed(self, call: ModuleCall, blamed: Point, tensor: int) -> tuple[ModuleCall, Point]:
        """The expression that passed the tensor, skipping calls of user modules that only pass it on."""
        parent = call.parent
        if tensor in call.passed and parent is not None and call.caller is not None:
            blamed = call.caller
            while parent.parent is not None and tensor in parent.passed and self._calls_directly(parent):
                assert parent.caller is not None
                blamed, call, parent = parent.caller, parent, parent.parent
        return call, blamed

    def _calls_directly(self, call: ModuleCall) -> bool:
        """Whether this call is in a forward of the user's code, and not in a container such as nn.Sequential."""
        return call.caller is not None and call.parent is not None and self.is_users(call.parent.module)

    def is_users(self, module: nn.Module) -> bool:
        """Whether the class of a module is defined in the user's project."""
        forward = type(module).forward
        code = getattr(forward, "__code__", None)
        return code is not None and self._project.owns(code)

    def _preferred(self, operands: list[Node | None]) -> int:
        if len(operands) != 2 or operands[0] is None or operands[1] is None:
            return 0 if self._prefer_branch else 1
        branch = deeper(operands[0], operands[1])
        return branch if self._prefer_branch else 1 - branch

    def _path(self, module: nn.Module) -> str:
        above = self._current.path if self._current is not None else ""
        return self._paths.get(id(module), f"{above}.{type(module).__name__}".removeprefix("."))

    def _user_frame(self, frame: FrameType) -> FrameType | None:
        return self._project.frame(frame)

    def _moved(self, value: Any) -> Any:
        moved = super()._moved(value)
        if moved is value:
            return value
        if id(value) in self._nodes or id(value) in self._stored:
            self._nodes[id(moved)] = self._as_node(value)
        self._alive.append((value, moved))
        self._moved_from[id(moved)] = id(value)
        return moved


def _shape_of(result: Any) -> torch.Size | None:
    return result.shape if isinstance(result, torch.Tensor) else None


def _where_built(module: nn.Module) -> Point | None:
    """The line that constructs a module, for layers in subclasses of nn.Sequential, which no line calls."""
    built = built_of(module)
    return built.point if built is not None else None


def _stored_tensors(root: nn.Module) -> Iterator[tuple[int, str]]:
    for name, tensor in nn.Module.named_buffers(root, remove_duplicate=False):
        yield id(tensor), name
    for name, tensor in named_parameters_of(root, remove_duplicate=False):
        yield id(tensor), name
