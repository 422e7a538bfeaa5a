"""Finds shortcuts that carry the block's input without its gradient."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import takewhile

import torch
from torch import fx

from resnet_lint.graph.joins import additions, made_by_layers
from resnet_lint.graph.model import Seen
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import residual_at
from resnet_lint.graph.source_places import Point
from resnet_lint.graph.syntax import function_of, statement_at
from resnet_lint.shared.observed import CutShortcut


def cut_shortcuts(seen: Seen) -> Iterator[CutShortcut]:
    """Residual additions whose shortcut loses the gradient on its way, while the residual branch keeps it."""
    for node, _ in additions(seen):
        residual, owner = residual_at(node), seen.owner(node)
        if residual is None or residual.fork is None or not made_by_layers(residual.branch, owner):
            continue
        if len(residual.shortcut_path) > 1 and residual.fork not in owner.inputs:
            continue  # a way of several steps that starts elsewhere is no shortcut of this block
        cuts = ((step, _cuts(step, owner)) for step in residual.shortcut_path)
        step, how = next(((step, how) for step, how in cuts if how is not None), (node, None))
        if how is not None and not any(_cuts(each, owner) for each in residual.branch_path):
            yield CutShortcut(**seen.place(step.meta["point"].span, owner), how=how)


def _cuts(node: fx.Node, owner: ModuleCall) -> str | None:
    """What lets no gradient pass a call: the call itself, or a `with torch.no_grad()` of the block around it."""
    function = node.meta.get("function")
    if function in (torch.Tensor.detach, torch.detach):
        return "detach()"
    if getattr(function, "__self__", None) is torch.Tensor.data:
        return "data"
    call: ModuleCall | None = node.meta["call"]
    inside = takewhile(lambda each: each is not owner, call.with_callers()) if call is not None else ()
    points = [node.meta["point"], *(each.caller for each in inside)]
    return next((how for point in points if point is not None and (how := _no_grad_around(point))), None)


@cache
def _no_grad_around(point: Point) -> str | None:
    """The `no_grad()` or `inference_mode()` of a `with` that an expression stands in."""
    function, statement = function_of(point.code), statement_at(point)
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.With) and statement is not None and any(each is statement for each in ast.walk(node)):
            for item in node.items:
                name = ast.unparse(item.context_expr)
                if name.endswith(("no_grad()", "inference_mode()")):
                    return name
    return None
