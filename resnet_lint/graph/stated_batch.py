"""Whether the source says that the first axis of a model's input is the batch."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .axes import Axes, InputAxis
from .model import Model
from .module_call import ModuleCall
from .node import Node
from .syntax import Function, function_of, names_bound_by

_NAMES = frozenset({"b", "bs", "bsz", "bz", "b_sz", "batch", "batch_size", "batchsize", "batch_sz", "nbatch"})


def stated_batch(model: Model) -> InputAxis | None:
    """The first axis of the model's inputs, if the source says that it is the batch.

    The file calls the model with a single sample, (1, 16, 32), or a forward names the size: `b, t, _ = x.shape`.
    """
    axes = model.axes
    inputs = [node for node in model.nodes if node.kind == "input" and node.shape]
    if axes is None or not inputs:
        return None
    first = next((axis for axis in axes.inputs if (inputs[0], 0) in axis.places), None)
    if first is None or not (_is_single_sample(model, inputs) or _is_named(model, axes, first)):
        return None
    return first


def _is_single_sample(model: Model, inputs: list[Node]) -> bool:
    """Whether the only input has size 1 in front of another size; a step of a recurrent layer also gets its state."""
    shape = inputs[0].known_shape
    return model.sizes_stated and not model.is_part and len(inputs) == 1 and len(shape) > 1 and shape[0] == 1 < shape[1]


def _is_named(model: Model, axes: Axes, first: InputAxis) -> bool:
    """Whether the forward of a module whose inputs all have this axis in front gives its size such a name."""
    calls = {call.code: call for call in model.users_calls if _has_in_front(call, axes, first)}
    functions = (function_of(code) for code in calls if code is not None)
    return any(function is not None and any(_named_batches(function)) for function in functions)


def _has_in_front(call: ModuleCall, axes: Axes, first: InputAxis) -> bool:
    tensors = [node for node in call.inputs if len(node.shape or ()) > 1]
    return bool(tensors) and all(axes.of(node)[0] == {first} for node in tensors)


def _named_batches(function: Function) -> Iterator[ast.stmt]:
    """The statements that give the first size of a parameter the name of a batch, before it is bound again."""
    names = {argument.arg for argument in function.args.args}
    for statement in function.body:
        match statement:
            case ast.Assign([ast.Tuple([ast.Name(first), *others])], value) if _name_behind_shape(value) in names:
                later = {other.id.lower() for other in others if isinstance(other, ast.Name)}
                if first.lower() in _NAMES and not later & _NAMES:
                    yield statement
            case ast.Assign([ast.Name(size)], value) if _name_behind_first_size(value) in names:
                if size.lower() in _NAMES:
                    yield statement
        names -= names_bound_by(statement)


def _name_behind_shape(value: ast.expr) -> str | None:
    """The variable in `x.shape` and `x.size()`."""
    match value:
        case ast.Attribute(ast.Name(name), "shape") | ast.Call(ast.Attribute(ast.Name(name), "size"), []):
            return name
    return None


def _name_behind_first_size(value: ast.expr) -> str | None:
    """The variable in `x.shape[0]`, `x.size(0)` and `len(x)`."""
    match value:
        case ast.Subscript(ast.Attribute(ast.Name(name), "shape"), ast.Constant(0)):
            return name
        case ast.Call(ast.Attribute(ast.Name(name), "size"), [ast.Constant(0)]) | ast.Call(
            ast.Name("len"), [ast.Name(name)]
        ):
            return name
    return None
