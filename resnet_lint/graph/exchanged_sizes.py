"""Finds views that exchange sizes: `x.view(b, heads, n, d)` of a tensor (b, n, heads, d)."""

from __future__ import annotations

from collections.abc import Iterator

from ..shared.records.places import Shape
from .axes import Axes
from .feature_axes import same_shape_behind
from .meetings import is_product
from .memory_order import is_relative_shift
from .node import Node


def exchanges_sizes(node: Node, axes: Axes) -> bool:
    """Whether a view has the sizes of its operand in another order, and a later call tells these axes apart.

    So it does at all sizes that were tried. The order in memory stays, so a new row mixes values of several old ones.
    """
    if not node.is_view or not node.sources[0].activation or is_relative_shift(node):
        return False
    shapes = [(node.sources[0].shape, node.shape)]
    shapes += [(run.shape(node.sources[0]), run.shape(node)) for run in axes.altered if node in run.again]
    return all(map(_is_exchange, shapes)) and any(_tells_axes_apart(reader, node) for reader in _readers(node))


def _is_exchange(shapes: tuple[Shape | None, Shape | None]) -> bool:
    """Whether two shapes have the same sizes in another order, apart from those of one."""
    before, after = ([size for size in shape or () if size != 1] for shape in shapes)
    return before != after and sorted(before) == sorted(after)


def _readers(node: Node) -> Iterator[Node]:
    for made in same_shape_behind(node):
        yield from made.users


def _tells_axes_apart(reader: Node, view: Node) -> bool:
    """Whether a call treats the exchanged axes differently: a layer, a matrix product, a view that merges some."""
    if reader.function in _VIEWS:
        pairs = zip(view.sources[0].known_shape, view.known_shape, strict=False)
        kept = next((at for at, (old, new) in enumerate(pairs) if old != new), 0) + 1
        return (reader.shape or ())[:kept] == view.known_shape[:kept]
    if is_product(reader) or reader.learned or reader.features_axis is not None or reader.function in _APART:
        return True
    return reader.function in _ALONG and reader.inputs[0] == view.shape and _takes_exchanged(reader, view)


def _takes_exchanged(reader: Node, view: Node) -> bool:
    """Whether a call takes entries of an exchanged axis, or reduces it: `points[rows, index]`, `x.mean(1)`."""
    rank, index = len(view.known_shape), reader.arguments.get("index")
    if reader.function == "getitem":
        return isinstance(index, (list, tuple)) and any(isinstance(part, Node) for part in index)
    dim = reader.arguments.get("dim")
    dims = [dim] if isinstance(dim, int) else dim if isinstance(dim, (list, tuple)) else []
    shapes = zip(view.sources[0].known_shape, view.known_shape, strict=False)
    exchanged = {at for at, (old, new) in enumerate(shapes) if old != new}
    return len(view.sources[0].known_shape) == rank and any(along % rank in exchanged for along in dims)


_ALONG = frozenset({"getitem", "gather", "index_select", "mean", "sum", "amax", "amin", "max", "std", "var"})
_VIEWS = frozenset({"view", "reshape", "flatten"})
_APART = frozenset({"einsum", "softmax", "scaled_dot_product_attention", "multi_head_attention_forward"})
