"""Swaps the input and output width of a layer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.fix_plans import SwapWidths

from ..bound_names import is_method, parameter_names
from ..call_arguments import argument_of, function_parameters, site_parameters
from ..source_tree import Source, Sources
from . import Way


def write(plan: SwapWidths, finding: Finding, source: Source, sources: Sources) -> Iterator[Way]:
    """`nn.Conv2d(cin, cout, 3)` for `nn.Conv2d(cout, cin, 3)`, then `up(64, 32)` for `up(32, 64)`."""
    unit = "features" if plan.layer.sort == "linear" else "channels"
    names, parameters = (f"in_{unit}", f"out_{unit}"), tuple[str, ...]()
    for level in range(len(plan.layer.calls)):
        step = sources.step(plan.layer, level)
        if step is None or step.function is None:
            return
        parameters = site_parameters(plan.layer, step.call) if level == 0 else parameters
        first, second = (argument_of(step.call, parameters, name) for name in names)
        if first is None or second is None:
            return
        codes = [step.source.code(argument.value) for argument in (first, second)]
        if step.source is source and codes[0] != codes[1]:
            yield Way([source.replaced(first.value, codes[1]), source.replaced(second.value, codes[0])])
        passed_on = {code for code in codes if code in parameter_names(step.function)}
        if len(passed_on) < 2 or not all(isinstance(argument.value, cst.Name) for argument in (first, second)):
            return
        names, parameters = (codes[0], codes[1]), function_parameters(step.function, is_method(step.function))
