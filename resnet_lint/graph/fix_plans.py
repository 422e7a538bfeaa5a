"""Creates fix plans for rules, which the front writes to the source."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING

from ..shared.records.fix_plans import Change as Argument
from ..shared.records.fix_plans import KeepBatch, MakeOutOfPlace, Site, UseShortcut
from ..shared.records.places import Shape
from .base_constructor import base_constructor
from .built_at import built_of
from .in_place import Change
from .module_call import ModuleCall, is_a
from .node import Node
from .residuals import Residual

if TYPE_CHECKING:
    from torch import nn


def out_of_place(change: Change, owner: ModuleCall, *, changes_results: bool) -> MakeOutOfPlace | None:
    """The plan to disable `inplace=True`, or to replace an in-place call: `out += x` by `out = out + x`."""
    call: ModuleCall = change.node.known_call
    if call.is_torchs:
        site = site_of(change.node, owner)
        title = f"make {site.name} work out of place: inplace=False"
        return MakeOutOfPlace(title, Argument(site, "inplace", "False"), changes_results=changes_results)
    point = change.node.point
    title = "create a new tensor instead of modifying this one"
    return MakeOutOfPlace(title, point.span, changes_results=changes_results) if point is not None else None


def batch_kept(node: Node) -> KeepBatch | None:
    """The plan to replace a `squeeze()` or `view` by `flatten(1)`, if this gives the intended shape; else None."""
    given: Shape = node.inputs[0]
    meant: Shape = node.known_shape
    if node.spelling == "squeeze":
        meant = (given[0], *(size for size in given[1:] if size != 1))
    return KeepBatch("keep the batch dimension: flatten(1)") if meant == (given[0], math.prod(given[1:])) else None


def shortcut_to_use(name: str, residual: Residual) -> UseShortcut:
    """The plan to pass the shortcut of an addition through the existing module `name`."""
    return UseShortcut(
        f"use the existing shortcut module: self.{name}(...)",
        name,
        operand_index(residual.addition, residual.shortcut),
        residual.addition.known_point.span,
    )


def operand_index(addition: Node, operand: Node) -> int:
    """The position of an operand in the source of an addition: 0 for the left one or the receiver, else 1."""
    index = list(addition.activations).index(operand)
    return 1 - index if addition.spelling == "__radd__" else index


def site_of(node: Node, inside: ModuleCall) -> Site:
    """The construction of a node's layer, or the call of a pooling function; `name` is its path in the block."""
    call: ModuleCall = node.known_call
    built = built_of(call.module) if is_layer(call.module) else None
    effect = node.effect
    spans = tuple(point.span for point in built.chain) if built is not None else ()
    parameters = tuple(inspect.signature(type(call.module)).parameters)
    base = base_constructor(type(call.module))
    if spans and base is not None:
        spans, parameters = (base.span, *spans), base.parameters
    if effect is not None and effect.sort == "pool" and not is_layer(call.module):
        spans = (node.known_point.span,)
    return Site(
        call.relative_path(inside),
        effect.sort if effect is not None else "other",
        spans,
        effect.channels if effect is not None else None,
        effect.stride if effect is not None else (),
        parameters,
    )


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer of torch, or a custom one (such as a weight-standardised convolution)."""
    return type(module).__module__.startswith("torch.") or is_a(module, *_LAYERS)


_LAYERS = ("_ConvNd", "Linear", "_NormBase", "GroupNorm", "LayerNorm")
