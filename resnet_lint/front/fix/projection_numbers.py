"""The channels and stride of a projection as source: expressions from the code, else attributes, else numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from resnet_lint.shared.records.fix_plans import Projection, Site

from .precedence import COMPARISON, PRODUCT, bracketed
from .sums import never_equal
from .users_expressions import Scope

_NUMBER = re.compile(r"\(?[\d, ]+\)?")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Numbers:
    """The input channels, output channels and stride of a projection, as source; `unit` is the source of a stride of 1.

    `needed` is whether every instance of the block needs the projection.
    """

    channels_in: str
    channels_out: str
    stride: str
    unit: str = "1"
    needed: bool = False

    @property
    def strides(self) -> bool:
        return self.stride != self.unit

    @property
    def unequal(self) -> list[Pair]:
        """Pairs of expressions to compare: a projection is needed if any pair differs."""
        pairs = []
        if self.strides and not _NUMBER.fullmatch(self.stride):
            pairs.append((_compared(self.stride), self.unit))
        if self.channels_in != self.channels_out and not self._fixed_channels:
            pairs.append((_compared(self.channels_in), _compared(self.channels_out)))
        return pairs

    @property
    def condition(self) -> str | None:
        """The condition under which a projection is needed; None if it always is, or all values are constants."""
        pairs = [] if self.needed else self.unequal
        if any(never_equal(*pair) for pair in pairs):
            return None
        return " or ".join(f"{left} != {right}" for left, right in pairs) or None

    @property
    def _fixed_channels(self) -> bool:
        return all(_NUMBER.fullmatch(text) for text in (self.channels_in, self.channels_out))


def _compared(code: str) -> str:
    """An expression as an operand of a comparison."""
    return bracketed(code, COMPARISON + 1)


def _unless_one(code: str) -> str:
    """`stride` for `1 if use_aa else stride`: a shortcut needs the stride even if another layer has it."""
    found = re.fullmatch(r"1 if \w+ else (\w+)|(\w+) if \w+ else 1", code)
    return (found[1] or found[2]) if found is not None else code


def numbers_of(projection: Projection, scope: Scope) -> Iterator[Numbers]:
    """The candidate values of a projection in a constructor, best first.

    There are none for a container: a class that adds its input to the result of any module (`Residual(fn)`) has other
    uses, and the module has to be corrected where it is passed. Nor are there any for lazy layers.
    """
    if not all(map(scope.builds, projection.branch)) or any(_is_lazy(site, scope) for site in projection.branch):
        return
    found = [numbers_in(scope, projection), _as_attributes(projection), _as_numbers(projection)]
    yield from dict.fromkeys(numbers for numbers in found if numbers is not None)


def _is_lazy(site: Site, scope: Scope) -> bool:
    return re.search(r"\bLazy", scope.callee(site) or "") is not None


def _giving(projection: Projection, index: int) -> Site | None:
    """The layer of the branch that determines its input channels (0) or output channels (1)."""
    wanted = projection.channels[index]
    sites = projection.branch if index == 0 else projection.branch[::-1]
    return next((site for site in sites if site.channels is not None and site.channels[index] == wanted), None)


def _strided(projection: Projection) -> list[Site]:
    return [site for site in projection.branch if site.stride and max(site.stride) > 1]


def numbers_in(scope: Scope, p: Projection) -> Numbers | None:
    """The values as expressions of a function; None if one of them cannot be expressed."""
    unit = "features" if p.axes == 0 else "channels"
    ends = []
    for index, argument in ((0, f"in_{unit}"), (1, f"out_{unit}")):
        site = _giving(p, index)
        text = scope.argument(site, argument) if site is not None else None
        if text is None:
            return None
        ends.append(text)
    stride = stride_in(scope, p)
    if stride is None:
        return None
    # A constant stride applies to every instance, unless some work without a projection.
    needed = not p.conditional and stride != "1" and _NUMBER.fullmatch(stride) is not None
    return Numbers(ends[0], ends[1], stride, needed=needed)


def stride_in(scope: Scope, p: Projection) -> str | None:
    """The stride as an expression of a function; None if it cannot be expressed."""
    if not any(step > 1 for step in p.stride):
        # This instance has stride 1; others may not, if the constructor has a parameter for it.
        texts = {scope.argument(site, "stride") for site in p.branch if site.calls} - {None}
        named = [text for text in texts if text is not None and not _NUMBER.fullmatch(text)]
        return _unless_one(named[0]) if len(named) == 1 else "1"
    texts_in_order = [scope.argument(site, "stride") for site in _strided(p)]
    if len(set(texts_in_order)) == 1 and all(site.stride == p.stride for site in _strided(p)):
        texts_in_order = texts_in_order[:1]  # parallel layers
    elif not _is_by_layers(p):
        return _stride_number(p)
    if None in texts_in_order:
        return None
    return _product([_unless_one(text) for text in texts_in_order if text is not None])


def _product(codes: list[str]) -> str:
    return codes[0] if len(codes) == 1 else " * ".join(bracketed(code, PRODUCT) for code in codes)


def _is_by_layers(p: Projection) -> bool:
    """Whether the stride of the branch comes from its layers alone; otherwise, a pooling layer contributes."""
    steps = [site.stride for site in _strided(p)]
    return all(len(step) == len(p.stride) for step in steps) and p.stride == tuple(
        math.prod(along) for along in zip(*steps, strict=True)
    )


def _stride_number(p: Projection) -> str:
    if not p.stride:
        return "1"
    return str(p.stride[0]) if len(set(p.stride)) == 1 else str(p.stride)


def _as_attributes(p: Projection) -> Numbers | None:
    unit = "features" if p.axes == 0 else "channels"
    first, last, strided = _giving(p, 0), _giving(p, 1), _strided(p)
    if first is None or last is None or len(strided) > 1:
        return None
    stride = f"{_attribute(strided[0])}.stride" if strided else "1"
    unit_stride = f"({', '.join(['1'] * p.axes)}{',' if p.axes == 1 else ''})" if strided else "1"
    return Numbers(f"{_attribute(first)}.in_{unit}", f"{_attribute(last)}.out_{unit}", stride, unit_stride)


def _attribute(site: Site) -> str:
    """`self.body[0]` for the layer at `body.0`."""
    return "self." + re.sub(r"\.(\d+)", r"[\1]", site.name)


def _as_numbers(p: Projection) -> Numbers:
    return Numbers(str(p.channels[0]), str(p.channels[1]), _stride_number(p))
