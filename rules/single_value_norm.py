"""RL307: a batch normalization that has a single value per channel for a batch of one sample."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Model, Node, Rule, is_a


class SingleValueNorm(Rule):
    """What it does: finds a batch normalization of a map that was pooled to a single pixel.

    Why is this bad: in training, a batch of one sample has a single value per channel there, and no variance: torch
    raises `Expected more than 1 value per channel when training`. It first shows in the last batch of an epoch.

    Example:
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(64, 32, 1), nn.BatchNorm2d(32))
        DataLoader(data, batch_size=32)

    Use instead:
        DataLoader(data, batch_size=32, drop_last=True)
    """

    code = "RL307"
    name = "single-value-norm"
    severity = "info"
    bad = (
        Case(
            "a branch that is pooled to one pixel",
            """
            class Pooled(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.pool = nn.AdaptiveAvgPool2d(1)
                    self.conv = nn.Conv2d(3, width, 1)
                    self.norm = nn.BatchNorm2d(width)
                def forward(self, x):
                    return self.norm(self.conv(self.pool(x)))  # <- RL307
            if __name__ == "__main__":
                Pooled()(torch.randn(4, 3, 16, 16))
        """,
        ),
        Case(
            "a gate of channels",
            """
            class Gate(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.squeeze = nn.Sequential(
                        nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, width, 1)
                    )
                def forward(self, x):
                    return x * torch.sigmoid(self.squeeze(x))  # <- RL307
            if __name__ == "__main__":
                Gate()(torch.randn(4, 8, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "several pixels, and a normalization of a group of channels",
            """
            class Pooled(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.pool = nn.AdaptiveAvgPool2d(1)
                    self.conv = nn.Conv2d(3, width, 1)
                    self.norm = nn.BatchNorm2d(width)
                    self.group = nn.GroupNorm(2, width)
                def forward(self, x):
                    x = self.norm(self.conv(x))
                    return self.group(self.pool(x))
            if __name__ == "__main__":
                Pooled()(torch.randn(4, 3, 16, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for node in _single_values(model):
                message = (
                    f"this normalizes a map of one pixel, {node.shape}: in training mode a batch of one sample, often "
                    "the last of an epoch, raises ValueError"
                )
                yield self.at(model.where_of(node), message, advice="pass drop_last=True to the DataLoader")


def _single_values(model: Model) -> Iterator[Node]:
    """The batch normalizations of maps with a single pixel, in the user's code."""
    for node in model.nodes:
        is_norm = node.function == "batch_norm" and node.point is not None and node.call is not None
        shape = node.shape or ()
        if is_norm and len(shape) > 2 and set(shape[2:]) == {1} and is_a(node.known_call.module, "_BatchNorm"):
            yield node
