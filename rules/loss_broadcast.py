"""RL308: a loss that compares each prediction with every target."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Shape, Traits


class LossBroadcast(Rule):
    """What it does: finds a loss whose prediction and target broadcast against each other, so that both are expanded:
    (N, 1) and (N,) to (N, N).

    Why is this bad: torch only warns. The loss compares each prediction with the target of every sample, so the model
    learns to predict the mean of the targets.

    Example:
        loss = F.mse_loss(model(x), y)               # (N, 1) and (N,)

    Use instead:
        loss = F.mse_loss(model(x).squeeze(1), y)    # (N,) and (N,)
    """

    code = "RL308"
    name = "loss-broadcast"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "a prediction with an axis of size 1 that the target lacks",
            """
            net = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 1))
            for x, y in [(torch.randn(32, 13), torch.randn(32))]:
                loss = nn.MSELoss()(net(x), y)  # <- RL308
                loss.backward()
        """,
        ),
        Case(
            "values of actions, in a model that computes its loss",
            """
            import torch
            import torch.nn.functional as F
            from torch import nn
            class Agent(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.values = nn.Linear(4, 2)
                def forward(self, state, action, target):
                    chosen = self.values(state).gather(1, action)
                    return F.smooth_l1_loss(chosen, target)  # <- RL308
            if __name__ == "__main__":
                Agent()(torch.randn(8, 4), torch.zeros(8, 1, dtype=torch.int64), torch.randn(8))
        """,
        ),
    )
    good = (
        Case(
            "shapes that agree, one target for all samples, and a batch of one",
            """
            import torch
            import torch.nn.functional as F
            from torch import nn
            net = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 1))
            x, y = torch.randn(32, 13), torch.randn(32)
            F.mse_loss(net(x).squeeze(1), y), F.mse_loss(net(x), y[:, None])
            F.mse_loss(net(x), torch.zeros(1)), F.l1_loss(net(x[:1]), y[:1])
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for call in analysis.losses:
            message = _message(call.loss, call.shapes)
            if message is not None:
                yield Finding(self.code, self.name, self.severity, message, call.span, fix=Fix(_ADVICE))
        for model in analysis.models:
            for node in model.nodes if model.sizes_stated else ():
                message = _message(node.function, node.inputs) if node.function in _LOSSES and node.point else None
                if message is not None:
                    yield self.at(model.where_of(node), message, advice=_ADVICE)


_LOSSES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_ADVICE = "squeeze the prediction or unsqueeze the target, so that both have the same shape"


def _message(loss: str, shapes: tuple[Shape, ...]) -> str | None:
    """What a loss of these shapes compares; None if it does not expand both."""
    if loss not in _LOSSES or len(shapes) < 2:
        return None
    one, other = shapes[:2]
    result = _broadcast(one, other)
    if result in (_padded(one, len(result)), _padded(other, len(result))):
        return None
    return f"{loss}() broadcasts {one} and {other} to {result}: each prediction is compared with every target"


def _broadcast(one: Shape, other: Shape) -> Shape:
    rank = max(len(one), len(other))
    return tuple(map(max, _padded(one, rank), _padded(other, rank)))


def _padded(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + tuple(shape)
