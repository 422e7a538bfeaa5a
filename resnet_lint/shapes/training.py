"""One step of training on the meta device: a forward with gradients, and the backward pass.

Shapes without data are enough to see that autograd refuses a step, and which parameters no gradient reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..observed import BackwardFails
from .calls import tensors_in
from .inplace import Change, Saved, refuses_change
from .overwritten import cause_of_change
from .seen import Seen, name_of
from .trace import Trace, trace_for_training


@dataclass(frozen=True, eq=False)
class Step:
    """What a step of training shows. `without_gradient` names the parameters that no gradient reached.

    Where autograd refuses the step, `error` is what it says, and `change` the change in place that is to blame.
    """

    error: str | None = None
    change: Change | None = None
    without_gradient: frozenset[str] = frozenset()


def steps(seen: Seen) -> Step:
    """Train a traced model for one step; where parameters stay without gradient, for one in evaluation mode too.

    Stochastic depth leaves out whole blocks in training; auxiliary heads may run in training alone.
    """
    first = _tried(seen, training=True)
    if first is not None and (first.error is not None or not first.without_gradient):
        return first
    second = _tried(seen, training=False)
    if first is None or second is None:
        return first or second or Step()
    return Step(second.error, second.change, first.without_gradient & second.without_gradient)


def _tried(seen: Seen, training: bool) -> Step | None:
    """One step in training or in evaluation mode; None where that is not possible."""
    root = seen.trace.root
    try:
        root.train(training)
        return _step(seen)
    except Exception:  # the user's own train(), and what autograd cannot do on meta
        return None
    finally:
        root.eval()
        root.zero_grad(set_to_none=True)


def _step(seen: Seen) -> Step | None:
    saved = Saved()
    forward = trace_for_training(seen.trace, seen.project, saved=saved)
    if not forward.complete:
        return None
    spoiled = saved.spoiled()
    if spoiled:
        # While its tensors are listened to, autograd does not look after them itself: what it says is the proof.
        error = _error_of_backward(trace_for_training(seen.trace, seen.project))
        if error is not None:
            shown = [each for each in spoiled if str(list(each[0].shape)) in error]
            changes = (forward.watch.first_change(*each) for each in reversed(shown))
            return Step(error, next((change for change in changes if change is not None), None))
        seen.trace.root.zero_grad(set_to_none=True)
    _backward(forward)
    parameters = seen.trace.root.named_parameters()
    return Step(
        without_gradient=frozenset(name for name, each in parameters if each.requires_grad and each.grad is None)
    )


def _error_of_backward(forward: Trace) -> str | None:
    try:
        _backward(forward)
    except RuntimeError as error:
        return str(error) if refuses_change(error) else None
    return None


def _backward(forward: Trace) -> None:
    """The backward pass from all outputs."""
    outputs = [tensor for tensor in tensors_in(forward.output) if tensor.requires_grad]
    torch.autograd.backward(outputs, [torch.empty_like(tensor) for tensor in outputs])


def refused_changes(seen: Seen, done: Step) -> Iterator[BackwardFails]:
    """The change in place that makes a step of training fail."""
    if done.change is None or done.error is None:
        return
    node = done.change.node
    if node.meta["point"] is None:
        return
    owner = seen.caller_at(node.meta["call"], node.meta["point"])
    [changed, *_] = node.all_input_nodes
    yield BackwardFails(
        **seen.place(node.meta["point"].span, owner),
        change=cause_of_change(done.change, owner),
        made_by=name_of(changed, owner),
        error=done.error.partition(": [")[0],
    )
