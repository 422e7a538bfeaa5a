"""RL204: an in-place change of a tensor that the backward pass needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from resnet_lint.rule import (
    Analysis,
    Case,
    Change,
    Finding,
    Model,
    Rule,
    Traits,
    cause_of_change,
    name_of,
    out_of_place,
    trains,
    turns_gradients_off,
    with_new_classes,
)


class BackwardFails(Rule):
    """What it does: runs one training step on the meta device and finds the call that modifies a tensor in place
    after autograd has saved it, or that modifies a trainable parameter in place.

    A parameter that is modified in place is a warning where the file trains no model, and it is not reported where the
    file turns gradients off, as in `torch.no_grad()` or `requires_grad_(False)`.

    Why is this bad: the forward pass works, but `backward()` raises "one of the variables needed for gradient
    computation has been modified by an inplace operation", far from the line that causes it.

    Example:
        out = torch.relu(self.conv(x))
        out += x                          # relu's backward pass needs its result

    Use instead:
        out = torch.relu(self.conv(x))
        out = out + x

    Change a parameter under `torch.no_grad()`, or make it a buffer.

    Fix safety: Safe: out of place, the forward pass computes the same values, and training failed before. Unsafe
    where the modified tensor is read again under its old name.
    """

    code = "RL204"
    name = "backward-fails"
    fixable = True
    traits = Traits(silent=True)
    bad = (
        Case(
            "added in place to the output of a ReLU",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.conv(x))
                    out += x  # <- RL204
                    return out
        """,
        ),
        Case(
            "an in-place layer after a sigmoid",
            """
            class Gate(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.gate = nn.Sequential(nn.Linear(width, width), nn.Sigmoid())
                    self.relu = nn.ReLU(inplace=True)
                def forward(self, x):
                    gate = self.gate(x)
                    return self.relu(gate) * x  # <- RL204
        """,
        ),
        Case(
            "prototypes that are normalized in place",
            """
            class Prototypes(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc, self.prototypes = nn.Linear(width, width), nn.Parameter(torch.randn(5, width))
                def forward(self, x):
                    self.prototypes.div_(self.prototypes.norm(dim=1, keepdim=True))  # <- RL204
                    return self.fc(x) @ self.prototypes.T
            if __name__ == "__main__":
                Prototypes()(torch.randn(2, 8)).sum().backward()
        """,
        ),
        Case(
            "a codebook that follows the data in training mode",
            """
            class Codebook(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc, self.entries = nn.Linear(width, width), nn.Parameter(torch.randn(5, width))
                def forward(self, x):
                    x = self.fc(x)
                    index = torch.cdist(x, self.entries).argmin(1)
                    if self.training:
                        self.entries *= 0.99  # <- RL204
                        self.entries.index_add_(0, index, x, alpha=0.01)
                    return x + self.entries[index]
            if __name__ == "__main__":
                Codebook().eval()(torch.randn(2, 8))
        """,
        ),
    )
    good = (
        Case(
            "in place where the old value is not needed",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.bn = nn.BatchNorm2d(width)
                    self.relu = nn.ReLU(inplace=True)
                def forward(self, x):
                    out = self.bn(self.conv(x))
                    out += x
                    return self.relu(out)
        """,
        ),
        Case(
            "the values of a parameter, and a buffer",
            """
            class Prototypes(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc, self.prototypes = nn.Linear(width, width), nn.Parameter(torch.randn(5, width))
                    self.register_buffer("seen", torch.zeros(5))
                def forward(self, x):
                    self.prototypes.data.div_(self.prototypes.data.norm(dim=1, keepdim=True))
                    scores = self.fc(x) @ self.prototypes.T
                    self.seen += scores.detach().mean(0)
                    return scores
            if __name__ == "__main__":
                Prototypes()(torch.randn(2, 8)).sum().backward()
        """,
        ),
        Case(
            "a codebook of buffers that follows the data in training mode",
            """
            class Codebook(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.register_buffer("entries", torch.randn(5, width))
                def forward(self, x):
                    x = self.fc(x)
                    index = torch.cdist(x, self.entries).argmin(1)
                    if self.training:
                        self.entries.mul_(0.99).index_add_(0, index, x.detach(), alpha=0.01)
                    return x + self.entries[index]
            if __name__ == "__main__":
                Codebook()(torch.randn(2, 8)).sum().backward()
        """,
        ),
        Case(
            "a parameter that is changed without gradients",
            """
            class Prototypes(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc, self.prototypes = nn.Linear(width, width), nn.Parameter(torch.randn(5, width))
                def forward(self, x):
                    with torch.no_grad():
                        self.prototypes.div_(self.prototypes.norm(dim=1, keepdim=True))
                    return self.fc(x) @ self.prototypes.T
            if __name__ == "__main__":
                Prototypes()(torch.randn(2, 8)).sum().backward()
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in with_new_classes(analysis.models):
            step = model.training_step
            if step is None or step.change is None or step.error is None or step.change.node.point is None:
                continue
            if step.is_refused:
                yield from self._parameter(model, step.change, step.error)
                continue
            node, point = step.change.node, step.change.node.point
            block, tensor = model.caller_at(node.known_call, point), node.sources[0]
            name = name_of(tensor, block)
            changed = name if tensor in block.inputs or tensor.kind == "stored" else f"the output of {name}"
            error = step.error.partition(": [")[0]
            message = f"backward() fails ({error}): this modifies {changed}, which the backward pass needs"
            # Where the tensor is read again as if unchanged, an out-of-place call changes the forward's results.
            read_again = any(read.change.node.point == point for read in model.late_reads)
            plan = out_of_place(step.change, block, changes_results=read_again)
            cause = cause_of_change(step.change, block)
            yield self.at(model.where(point.span, block), message, (cause,), fix_plan=plan)

    def _parameter(self, model: Model, change: Change, error: str) -> Iterator[Finding]:
        """The finding for a trainable parameter that is modified in place."""
        point = change.node.known_point
        if turns_gradients_off(point.span.path):
            return
        block = model.caller_at(change.node.known_call, point)
        name = name_of(change.node.sources[0], block)
        message = f"training fails ({error.rstrip('.')}): this modifies {name}, a trainable parameter, in place"
        advice = "modify it under torch.no_grad(), or make it a buffer"
        found = self.at(model.where(point.span, block), message, advice=advice)
        yield found if trains(point.span.path) else replace(found, severity="warning")
