"""Patterns of libcst nodes: `m.Call(m.Name("getattr"))`.

They are written like those of libcst.matchers, but without its types: importing these takes as long as importing all of
libcst.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import libcst as cst


class Pattern:
    """A set of nodes, which `|` joins with another set, and `~` replaces with all other nodes."""

    def __init__(self, has: Callable[[cst.CSTNode], bool]) -> None:
        self.has = has

    def __or__(self, other: Pattern) -> Pattern:
        return Pattern(lambda node: self.has(node) or other.has(node))

    def __invert__(self) -> Pattern:
        return Pattern(lambda node: not self.has(node))


def __getattr__(name: str) -> Callable[..., Pattern]:
    """The patterns of a class of nodes, such as `Call`.

    Their arguments are patterns of the node's fields, in its order: patterns, regular expressions that match a whole
    text, lists of patterns, or equal values.
    """
    kind = getattr(cst, name)
    if not (isinstance(kind, type) and issubclass(kind, cst.CSTNode)):
        raise AttributeError(name)
    return partial(_pattern, kind)


def _pattern(kind: type[cst.CSTNode], *args: Any, **by_name: Any) -> Pattern:
    names = [field.name for field in fields(kind)]
    wanted = dict(zip(names, args, strict=False)) | by_name
    return Pattern(
        lambda node: isinstance(node, kind) and all(_fits(getattr(node, name), part) for name, part in wanted.items())
    )


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Pattern):
        return isinstance(value, cst.CSTNode) and wanted.has(value)
    if isinstance(wanted, re.Pattern):
        return isinstance(value, str) and wanted.fullmatch(value) is not None
    if isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(_fits, value, wanted))
    return bool(value == wanted)


def matches(node: cst.CSTNode | cst.MaybeSentinel | cst.RemovalSentinel, pattern: Pattern) -> bool:
    """Whether a node matches a pattern."""
    return _fits(node, pattern)


def findall(tree: cst.CSTNode, pattern: Pattern) -> list[cst.CSTNode]:
    """The nodes of a tree that match a pattern, in the order of the source, outer ones first."""
    finder = _Finder(pattern)
    tree.visit(finder)
    return finder.found


class _Finder(cst.CSTVisitor):
    def __init__(self, pattern: Pattern) -> None:
        super().__init__()
        self.found: list[cst.CSTNode] = []
        self._pattern = pattern

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._pattern.has(node):
            self.found.append(node)
        return True
