"""Fixes of operands with missing dimensions, swapped dimensions, or a different resolution."""

from __future__ import annotations

from types import CodeType

from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.fix_plans import is_layer, operand_index
from resnet_lint.graph.module_call import module_classes
from resnet_lint.graph.node import Node
from resnet_lint.shared.records.fix_plans import CropOperand, Hint, RearrangeOperand, UseShortcut
from resnet_lint.shared.records.places import Shape

from .evidence import Evidence


def missing_dimensions(e: Evidence) -> Hint | None:
    if len(e.branch) == len(e.shortcut):
        return None
    small, large = sorted((e.branch, e.shortcut), key=len)
    if len(small) == 2 and small[1] == large[1]:
        index = ", ".join([":", ":", *["None"] * (len(large) - 2)])
        return Hint(f"add the missing dimensions to the {small} operand: [{index}]")
    shapes = f"{e.branch} and {e.shortcut}"
    return Hint(f"give both operands the same number of dimensions: {shapes}")


def module_passed_in(e: Evidence) -> Hint | None:
    """A container adds its input to what the module that it was passed gives: `Residual(nn.Conv2d(8, 16, 3))`."""
    if not e.learned or e.shortcut_layers or any(_is_built_by(e.owner.module, node) for node, _ in e.learned):
        return None
    name, block = e.name(e.learned[-1][0]).partition(".")[0], type(e.owner.module).__name__
    return Hint(
        f"pass {block} a module that keeps the shape of its input: self.{name} gives {e.branch} for {e.shortcut}"
    )


def _is_built_by(block: nn.Module, node: Node) -> bool:
    """Whether the constructor of a block led to a layer, and not the expression that constructs the block."""
    built = built_of(node.known_call.module)
    constructors = [vars(base)["__init__"].__code__ for base in module_classes(type(block)) if "__init__" in vars(base)]
    # Before Python 3.12, a comprehension is a code of its own.
    inside = {*constructors, *(part for code in constructors for part in code.co_consts if isinstance(part, CodeType))}
    return built is None or any(point.code in inside for point in built.chain)


_MOVES = frozenset({"transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "t", "__get__"})


def swapped_dimensions(e: Evidence) -> RearrangeOperand | Hint | None:
    moved = [node for node in e.residual.branch_path if node.spelling in _MOVES]
    if sorted(e.branch) != sorted(e.shortcut) or not moved:
        return None
    back = _inverse(moved[-1], e.branch, e.shortcut) if len(moved) == 1 else None
    if back is not None and not e.shortcut_layers:
        title = f"permute the branch back before the addition: {back}"
        return RearrangeOperand(title, operand_index(e.fault.node, e.residual.branch), back)
    unlike = [axis for axis, (a, b) in enumerate(zip(e.branch, e.shortcut, strict=True)) if a != b]
    if len(unlike) == 2:
        swap = f".transpose({unlike[0]}, {unlike[1]})"
        return Hint(f"swap the branch's dimensions back before the addition: {swap}")
    return Hint(f"permute the branch's dimensions back to {e.shortcut} before the addition")


def _inverse(move: Node, branch: Shape, shortcut: Shape) -> str | None:
    """The call that undoes the only permutation of the branch; None if the axes of that permutation are unclear."""
    before, after = move.inputs[0], move.known_shape
    if len(set(before)) != len(before) or sorted(before) != sorted(after) or len(before) != len(branch):
        return None
    order = tuple(after.index(size) for size in before)
    if tuple(branch[axis] for axis in order) != shortcut:
        return None
    swapped = [axis for axis, origin in enumerate(order) if axis != origin]
    return f".transpose({swapped[0]}, {swapped[1]})" if len(swapped) == 2 else f".permute{order}"


def causal_padding(e: Evidence) -> CropOperand | UseShortcut | None:
    """The branch pads with all that its kernels take, for causal convolutions, and nothing cuts off the end.

    If the block has a module for that which is never called, it is used.
    """
    layers = [effect for _, effect in e.branch_layers if effect.sort == "convolution" and effect.kernel]
    if len(e.branch) != 3 or e.channels_differ or not layers or any(max(effect.stride) > 1 for effect in layers):
        return None
    full = [tuple(d * (k - 1) for d, k in zip(x.dilation, x.kernel, strict=True)) for x in layers]
    if any(effect.padding != padding for effect, padding in zip(layers, full, strict=True)):
        return None
    if e.branch[2] <= e.shortcut[2]:
        return None
    branch, unused = operand_index(e.fault.node, e.residual.branch), _unused_twin(e)
    if unused is not None:
        return UseShortcut(f"use the existing module: self.{unused}(...)", unused, branch, e.fault.point.span)
    return CropOperand("cut what the causal padding adds at the end of the branch", branch, ())


def _unused_twin(e: Evidence) -> str | None:
    """A module of the block that is never called, without weights and of the class of one that is called."""
    called = {call.module for call in e.trace.calls}
    children = [child for child in e.owner.module.named_children() if not is_layer(child[1])]
    classes = {type(module) for _, module in children if module in called and not any(module.parameters())}
    return next((name for name, module in children if module not in called and type(module) in classes), None)


def resolution_setting(e: Evidence) -> Hint | None:
    """A parameter for a fixed number of positions, such as a position embedding, is added to another number."""
    sizes = {a for pair in zip(e.branch, e.shortcut, strict=True) for a in pair if pair[0] != pair[1]}
    sizes -= {e.branch[e.channel_axis]} if not e.channels_differ else set()
    for node in (*e.residual.branch_path, *e.residual.shortcut_path):
        received = {size for shape in _shapes(node, activation=True) for size in shape}
        own = {size for shape in _shapes(node, activation=False) for size in shape} & sizes - received
        if "matmul" in node.spelling and own:
            made_for = own.pop()
            other = next(iter(sizes - {made_for}))
            return Hint(
                f"the position parameters are made for {made_for} positions, but the input has {other}: "
                "construct the module for the resolution of its input",
            )
    return None


def _shapes(node: Node, activation: bool) -> list[Shape]:
    """The shapes of the operands of a node: activations, or parameters and constants."""
    return [s.shape for s in node.sources if s.activation == activation and s.shape]
