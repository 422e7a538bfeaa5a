"""Converts a fault in a trace to a failure for the rules: operands with roles and shapes, differences, causes, fix."""

from __future__ import annotations

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.causes import _causes_behind, _residual_causes
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.module_call import ModuleCall, users_call
from resnet_lint.graph.residuals import Residual, channel_axis_of, depends_on, differing_axes, residual_at
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.evidence import Difference, Failure
from resnet_lint.shared.records.fix_plans import Hint
from resnet_lint.shared.records.places import Cause, Operand

from ..fix_plans.addition import plan_addition
from ..fix_plans.axes_of_input import axes_hint
from ..fix_plans.concatenation import plan_concatenation
from ..fix_plans.layer import plan_layer, plan_other
from ..fix_plans.lost_padding import lost_padding
from ..fix_plans.unread_result import unread_result_first
from ..fix_plans.vector_of_channels import widened_vector

# More causes than this would not help.
_MOST_CAUSES = 6


def explain(fault: Fault, trace: Trace, label: str, condition: str | None = None) -> Failure:
    """Describe a fault. `label` is the expression that constructs the traced model."""
    owner = users_call(fault.call, trace.project)
    residual = residual_at(fault.node) if fault.kind == "addition" else None
    shapes = fault.node.inputs
    operands: tuple[Operand, ...]
    differs: frozenset[Difference] = frozenset()
    if residual is not None:
        operands = _residual_operands(residual)
        differs = differences(residual)
        causes = _residual_causes(residual, owner)
        assumed = _assumed_before(residual, fault, trace)
        fix_plan = plan_addition(residual, owner, trace, fault) if assumed is None else _first(assumed)
    elif fault.kind == "concatenation":
        operands = tuple(Operand(f"part {index}", shape) for index, shape in enumerate(shapes, 1))
        causes = _causes_behind(fault.node, owner)
        fix_plan = plan_concatenation(fault, owner)
    elif fault.kind == "layer" and fault.layer is not None:
        operands = (Operand("input", shapes[0]),)
        causes = _layer_causes(fault, owner)
        join = _failing_join_before(fault, trace)
        fix_plan = plan_layer(fault, owner, trace.all_faults, join, norm_fits=not trace.preferred_branch)
    else:
        operands = tuple(Operand(f"operand {index}", shape) for index, shape in enumerate(shapes, 1))
        causes = _causes_behind(fault.node, owner)
        plan = lost_padding(fault, owner, trace) if fault.kind == "shrunk" else plan_other(fault)
        fix_plan = plan or widened_vector(fault.node, owner)
    fix_plan = unread_result_first(fix_plan, fault)
    return Failure(
        fault.kind,
        fault.point.span,
        " ".join(fault.error.split()),
        type(owner.module).__name__,
        owner.path,
        label,
        operands,
        differs,
        causes[:_MOST_CAUSES],
        fix_plan,
        condition,
        layer_text(fault, owner),
        last_round=trace.last_round,
    )


def _failing_join_before(fault: Fault, trace: Trace) -> str | None:
    """The kind of a join that fails too and gives the input of a layer, whose shape is an assumption; None without."""
    joins = (other for other in trace.all_faults if other.kind in ("addition", "concatenation"))
    return next((join.kind for join in joins if depends_on(fault.node, join.node)), None)


def _assumed_before(residual: Residual, fault: Fault, trace: Trace) -> str | None:
    """What fails between the fork of an addition and the addition, so that an operand's shape is an assumption.

    Either a layer whose input has its axes in another order, or another addition, as in `total = total + skip`.
    """
    inside = {*residual.branch_path, *residual.shortcut_path} - {fault.node}
    for other in trace.all_faults:
        if other.node not in inside:
            continue
        if other.layer is not None and axes_hint(other, "in_features") is not None:
            return "layer"
        if other.kind == "addition":
            return "addition"
    return None


def _first(kind: str) -> Hint:
    return Hint(f"fix the failing {kind} first, whose result is only assumed here")


def differences(residual: Residual) -> frozenset[Difference]:
    """The properties in which the operands of a residual addition differ."""
    branch, shortcut = residual.branch.known_shape, residual.shortcut.known_shape
    if len(branch) != len(shortcut):
        return frozenset({"rank"})
    channel_axis = channel_axis_of(residual)
    names: set[Difference] = set()
    for axis in differing_axes(residual):
        names.add("channels" if axis == channel_axis else "batch" if axis == 0 else "size")
    return frozenset(names)


def _residual_operands(residual: Residual) -> tuple[Operand, Operand]:
    names = ("residual branch", "shortcut") if residual.fork is not None else ("one stream", "other stream")
    shapes = residual.branch.known_shape, residual.shortcut.known_shape
    return Operand(names[0], shapes[0]), Operand(names[1], shapes[1])


def _layer_causes(fault: Fault, owner: ModuleCall) -> tuple[Cause, ...]:
    call: ModuleCall = fault.node.known_call
    built = built_of(call.module)
    assert fault.layer is not None
    own: tuple[Cause, ...] = ()
    if built is not None and call.is_torchs:
        span = built.point.span
        unit = "features" if fault.layer.dimension == -1 else "channels"
        text = f"{call.relative_path(owner)} expects {fault.layer.wanted} {unit}"
        own = (Cause(span.path, span.start.line, text),)
    return (*own, *_causes_behind(fault.node, owner)[-2:])


def layer_text(fault: Fault, owner: ModuleCall) -> str | None:
    """The name of the failing layer and its expected input: `conv2 expects 32 channels`."""
    if fault.layer is None:
        return None
    call: ModuleCall = fault.node.known_call
    unit = "features" if fault.layer.dimension == -1 else "channels"
    name = call.relative_path(owner) if call.is_torchs else type(call.module).__name__
    name = f"layer {name}" if name.isdigit() else name
    return f"{name} expects {fault.layer.wanted} {unit}"
