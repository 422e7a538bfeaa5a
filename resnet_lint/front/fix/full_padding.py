"""The expressions that a function has for the padding that keeps a size: `dilation`, `kernel_size // 2`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from resnet_lint.shared.records.fix_plans import Site

from .block_ends import unique
from .call_arguments import argument_of, layer_parameters
from .precedence import PRODUCT, SUM, bracketed
from .users_expressions import Scope


def full_paddings(site: Site, scope: Scope) -> Iterator[str]:
    """The likely expressions for the padding of a layer: those of other layers in the function, then its own."""
    yield from _other_paddings(scope)
    kernel, dilation = (scope.argument(site, name) for name in ("kernel_size", "dilation"))
    if dilation is not None and not _is_literal(dilation) and kernel == "3":
        yield dilation
    if kernel is None or kernel[0].isdigit() or "(" in kernel:
        return
    if dilation is not None and not _is_literal(dilation):
        yield f"{bracketed(dilation, PRODUCT)} * ({bracketed(kernel, SUM)} - 1) // 2"
    yield f"{bracketed(kernel, PRODUCT)} // 2"


def _other_paddings(scope: Scope) -> list[str]:
    """The paddings of the layers that a function constructs, if they are no numbers."""
    calls = [cst.ensure_type(found, cst.Call) for found in m.findall(scope.function, m.Call())]
    passed = [argument_of(call, layer_parameters(call.func) or (), "padding") for call in calls]
    texts = [scope.source.in_line(argument.value) for argument in passed if argument is not None]
    return unique(text for text in texts if not _is_literal(text))


def _is_literal(value: str) -> bool:
    return re.fullmatch(r"[\d(), ]+|['\"].*", value) is not None
