"""Passes a shortcut that the caller has constructed to the block, which stores it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.fix_plans import Projection
from resnet_lint.shared.records.places import Span
from resnet_lint.shared.vocabulary import SHORTCUT_ATTRIBUTE

from .bound_names import names_bound_in, parameter_names
from .call_arguments import argument_of, function_parameters, with_argument
from .source_tree import Source, Sources, TextEdit
from .widen_condition import shortcuts_set


def shortcut_passed(projection: Projection, at: Span, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The candidate edits that pass the shortcut to the constructor of the block around a span, and store it there."""
    addition = next(iter(source.at(at)), None)
    init = source.constructor_around(addition) if addition is not None else None
    if init is None:
        return
    for name, value in shortcuts_set(init):
        if isinstance(value, cst.Name) and value.value == "None" and name in names_bound_in(init):
            yield [source.replaced(value, name)]
    site, parameters = projection.branch[0], function_parameters(init, bound=True)
    for level in range(1, len(site.calls)):
        inner, step = sources.step(site, level - 1), sources.step(site, level)
        if inner is None or inner.function is not init or step is None or step.source is not source:
            continue
        made = names_bound_in(step.function) if step.function is not None else set()
        for name in sorted(name for name in made & parameter_names(init) if SHORTCUT_ATTRIBUTE.search(name)):
            passed = argument_of(step.call, parameters, name)
            edit = with_argument(step.call, parameters, name, name, passed, source)
            if edit is not None:
                yield [edit]
