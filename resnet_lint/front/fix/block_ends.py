"""Finds expressions for a block's input and output channels in its constructor: names, settings, arguments."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Set
from typing import TypeVar

import libcst as cst

from resnet_lint.shared.records.fix_plans import Projection

from . import patterns as m
from .bound_names import names_bound_in
from .source_tree import Source
from .users_expressions import Scope

_T = TypeVar("_T")

_WIDTH = r"(ch\w*|c|planes?|filters?|dims?|features?|depth|width|size)"
_NAMES = {
    "in": re.compile(
        rf"(?!in_size)in(put)?s?_?{_WIDTH}|inp|n_?in(put)?s?|c_?in|{_WIDTH}_in"
    ),  # in_size: that of an image
    "out": re.compile(rf"out(put)?s?_?{_WIDTH}|oup|outp?|n_?out(put)?s?|c_?out|{_WIDTH}_out"),
    "stride": re.compile(r"strides?_?\d?"),
    "padding": re.compile(r"pad(ding)?s?_?\d?"),
}


def block_ends(projection: Projection, scope: Scope) -> Iterator[tuple[str, str]]:
    """Candidate expressions for the input and output channels: arguments of the layers, then names of that meaning.

    In a block whose first layer is optional, the input of the first layer that it has may be another setting.
    """
    first, last = projection.branch[:1], projection.branch[-1:]
    ins = [*(scope.argument(site, "in_channels") for site in first), *names_for("in", scope.function)]
    outs = [*(scope.argument(site, "out_channels") for site in last), *names_for("out", scope.function)]
    yield from itertools.product(_spoken(ins), _spoken(outs))


def names_for(meaning: str, function: cst.FunctionDef, loop_names: Set[str] = frozenset()) -> list[str]:
    """The parameters, locals and settings (`cfg.stride`) of a function that are named for a meaning in `_NAMES`.

    `loop_names` are the variables of the loops around the place where they are read.
    """
    pattern = _NAMES[meaning]
    attributes = [cst.ensure_type(found, cst.Attribute) for found in m.findall(function, m.Attribute(m.Name()))]
    settings = [
        f"{cst.ensure_type(attribute.value, cst.Name).value}.{attribute.attr.value}"
        for attribute in attributes
        if pattern.fullmatch(attribute.attr.value) and m.matches(attribute.value, ~m.Name("self"))
    ]
    names = names_bound_in(function) | loop_names
    return [*sorted(name for name in names if pattern.fullmatch(name)), *unique(settings)]


def attributes_for(meaning: str, function: cst.FunctionDef, source: Source) -> list[str]:
    """The attributes (`self.stride`) that the constructor of a method's class sets and that are named for a meaning."""
    init = source.constructor_around(function)
    if init is None or init is function:
        return []
    targets = m.findall(init, m.AssignTarget(m.Attribute(m.Name("self"))))
    names = (cst.ensure_type(cst.ensure_type(t, cst.AssignTarget).target, cst.Attribute).attr.value for t in targets)
    return unique(f"self.{name}" for name in names if _NAMES[meaning].fullmatch(name))


def unique(values: Iterable[_T]) -> list[_T]:
    """The values without repetitions, in order."""
    return list(dict.fromkeys(values))


def _spoken(codes: Iterable[str | None]) -> list[str]:
    """Expressions that are known, and are no numbers, which would hold for one instance only."""
    return unique(code for code in codes if code is not None and not code.isdigit())
