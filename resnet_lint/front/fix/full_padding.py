"""The expressions that a function has for the padding that keeps a size: `dilation`, `kernel_size // 2`."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.shared.records.fix_plans import Site

from .precedence import PRODUCT, SUM, bracketed
from .sibling_layers import is_literal
from .users_expressions import Scope


def full_paddings(site: Site, scope: Scope) -> Iterator[str]:
    """The likely expressions for the padding of a layer in terms of its kernel and dilation."""
    kernel, dilation = (scope.argument(site, name) for name in ("kernel_size", "dilation"))
    if dilation is not None and not is_literal(dilation) and kernel == "3":
        yield dilation
    if kernel is None or kernel[0].isdigit() or "(" in kernel:
        return
    if dilation is not None and not is_literal(dilation):
        yield f"{bracketed(dilation, PRODUCT)} * ({bracketed(kernel, SUM)} - 1) // 2"
    yield f"{bracketed(kernel, PRODUCT)} // 2"
