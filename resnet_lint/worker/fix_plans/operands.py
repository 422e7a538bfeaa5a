"""Fixes of operands with missing dimensions, swapped dimensions, or a different resolution."""

from __future__ import annotations

from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.module_call import module_classes
from resnet_lint.graph.node import Node
from resnet_lint.shared.records.fix_plans import Hint
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
    constructors = {vars(base)["__init__"].__code__ for base in module_classes(type(block)) if "__init__" in vars(base)}
    return built is None or any(point.code in constructors for point in built.chain)


_MOVES = frozenset({"transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "t", "__get__"})


def swapped_dimensions(e: Evidence) -> Hint | None:
    moved = any(node.spelling in _MOVES for node in e.residual.branch_path)
    if sorted(e.branch) != sorted(e.shortcut) or not moved:
        return None
    unlike = [axis for axis, (a, b) in enumerate(zip(e.branch, e.shortcut, strict=True)) if a != b]
    if len(unlike) == 2:
        swap = f".transpose({unlike[0]}, {unlike[1]})"
        return Hint(f"swap the branch's dimensions back before the addition: {swap}")
    return Hint(f"permute the branch's dimensions back to {e.shortcut} before the addition")


def resolution_setting(e: Evidence) -> Hint | None:
    """A parameter for a fixed number of positions, such as a position embedding, is added to another number."""
    sizes = {a for pair in zip(e.branch, e.shortcut, strict=True) for a in pair if pair[0] != pair[1]}
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
