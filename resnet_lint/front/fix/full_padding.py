"""The expressions that a function has for the padding that keeps a size: `dilation`, `kernel_size // 2`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.fix_plans import Site

from .precedence import PRODUCT, SUM, bracketed
from .sibling_layers import is_literal
from .users_expressions import Scope, code_of


def full_paddings(site: Site, scope: Scope) -> Iterator[str]:
    """The likely expressions for the padding of a layer in terms of its kernel and dilation."""
    kernel, dilation = (scope.argument(site, name) for name in ("kernel_size", "dilation"))
    if dilation is not None and not is_literal(dilation) and kernel == "3":
        yield dilation
    if kernel is None or kernel[0].isdigit():
        return
    parsed = cst.parse_expression(kernel)
    if isinstance(parsed, cst.Tuple) and (dilation or "1") == "1":
        yield f"({', '.join(_half(code_of(element.value)) for element in parsed.elements)})"
    if "(" in kernel:
        return
    if dilation is not None and not is_literal(dilation):
        yield f"{bracketed(dilation, PRODUCT)} * ({bracketed(kernel, SUM)} - 1) // 2"
    yield _half(kernel)


def _half(kernel: str) -> str:
    return str(int(kernel) // 2) if kernel.isdigit() else f"{bracketed(kernel, PRODUCT)} // 2"
