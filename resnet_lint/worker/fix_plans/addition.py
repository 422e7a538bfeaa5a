"""Selects the fix for a failing residual addition, based on the evidence in the trace.

In bug reports, a strided 1x1 projection is the accepted fix in only a quarter of the cases. So other explanations are
tried first: swapped dimensions, a resolution setting, an existing shortcut module, a size that is wrong because of
missing padding or upsampling, or a flag that is true too often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import Residual
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.fix_plans import FixPlan

from .branch import block_without_stride, odd_branch, unlike_streams
from .evidence import Evidence
from .operands import causal_padding, missing_dimensions, module_passed_in, resolution_setting, swapped_dimensions
from .paddings import padding_unlike_sibling, wrong_padding
from .shortcut import (
    existing_shortcut,
    generous_flag,
    generous_test,
    missing_downsample,
    padded_shortcut,
    projected,
    unused_shortcut,
)
from .sizes import (
    floor_beside_ceil,
    strided_after_upsampling,
    strided_twice,
    upsampled_branch,
    upsampled_to_another_size,
    upsampling_one_short,
)
from .unread_number import unread_number_first
from .vector_of_channels import added_vector


def plan_addition(residual: Residual, owner: ModuleCall, trace: Trace, fault: Fault) -> FixPlan | None:
    """The fix for a failing residual addition, by the first explanation that applies; None if none does."""
    evidence = Evidence(residual, owner, trace, fault)
    plan = next((fix_plan for explanation in _EXPLANATIONS if (fix_plan := explanation(evidence)) is not None), None)
    if len(evidence.branch) != len(evidence.shortcut) or not evidence.sizes_differ:
        return plan
    return unread_number_first(plan, [*residual.branch_path, *residual.shortcut_path], owner)


_EXPLANATIONS: Sequence[Callable[[Evidence], FixPlan | None]] = (
    missing_dimensions,
    added_vector,
    swapped_dimensions,
    resolution_setting,
    causal_padding,
    wrong_padding,
    strided_after_upsampling,
    upsampling_one_short,
    upsampled_to_another_size,
    padding_unlike_sibling,
    floor_beside_ceil,
    strided_twice,
    existing_shortcut,
    padded_shortcut,
    unlike_streams,
    upsampled_branch,
    generous_flag,
    generous_test,
    unused_shortcut,
    module_passed_in,
    odd_branch,
    block_without_stride,
    missing_downsample,
    projected,
)
