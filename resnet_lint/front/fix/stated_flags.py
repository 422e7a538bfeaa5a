"""Corrects a flag that a call states: `Block(16, 32, residual=True)` for shapes that cannot be added."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.fix_plans import Projection

from . import patterns as m
from .addable import is_true
from .bound_names import is_method, parameter_names
from .call_arguments import argument_of, function_parameters
from .source_tree import Source, Sources, TextEdit


def corrected_call(
    flag: str, constructor: cst.FunctionDef, projection: Projection, source: Source, sources: Sources
) -> Iterator[tuple[str, TextEdit]]:
    """Pass False for a parameter of the constructor, if the call that constructed the failing block passes True.

    The title of the fix and its edit.
    """
    site = projection.branch[0]
    parameters = function_parameters(constructor, is_method(constructor))
    for level in range(1, len(site.calls)):
        inner, outer = sources.step(site, level - 1), sources.step(site, level)
        if inner is None or inner.function is not constructor or outer is None or outer.source is not source:
            continue
        passed = argument_of(outer.call, parameters, flag) if flag in parameter_names(constructor) else None
        if passed is not None and is_true(passed.value):
            yield _corrected(flag, passed, source)


def corrected_settings(flag: str, source: Source) -> Iterator[tuple[str, TextEdit]]:
    """Set a flag to False in one of the calls that set it to True by keyword: `Setting(16, 32, residual=True)`."""
    for found in m.findall(source.module, m.Call()):
        passed = argument_of(cst.ensure_type(found, cst.Call), (), flag)
        if passed is not None and is_true(passed.value):
            yield _corrected(flag, passed, source)


def _corrected(flag: str, passed: cst.Arg, source: Source) -> tuple[str, TextEdit]:
    title = f"add the input only where the shapes match: {flag}=False in line {source.line_of(passed)}"
    return title, source.replaced(passed.value, "False")
