"""RL311: a permutation that leaves every axis where it is."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits, keeps_order


class PermutationWithoutEffect(Rule):
    """What it does: finds `permute` and `transpose` with the numbers of all axes in their order.

    Why is this bad: the call does nothing. Either another order was meant, or the call is left over and misleads.

    Example:
        tokens = x.flatten(2).permute(0, 1, 2)    # still (batch, channels, positions)

    Use instead:
        tokens = x.flatten(2).permute(0, 2, 1)    # (batch, positions, channels)
    """

    code = "RL311"
    name = "permutation-without-effect"
    severity = "info"
    traits = Traits(silent=True)
    bad = (
        Case(
            "tokens that are not transposed",
            """
            class Net(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.conv, self.fc = nn.Conv2d(3, width, 4, stride=4), nn.Linear(16, 16)
                def forward(self, x):
                    return self.fc(self.conv(x).flatten(2).permute(0, 1, 2))  # <- RL311
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 16, 16))
        """,
        ),
        Case(
            "an axis that is exchanged with itself",
            """
            class Net(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    return self.fc(x.transpose(1, -2))  # <- RL311
            if __name__ == "__main__":
                Net()(torch.randn(2, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "an order that is computed, and one that moves an axis of size 1",
            """
            class Net(nn.Module):
                def __init__(self, width=16, dim=1):
                    super().__init__()
                    self.dim, self.conv = dim, nn.Conv2d(3, width, 4, stride=4)
                def forward(self, x):
                    x = self.conv(x).mean(2, keepdim=True).transpose(1, self.dim)
                    order = [*range(x.dim())]
                    return x.permute(*order).permute(order).permute(0, 2, 1, 3)
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 16, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for node in model.nodes:
                if keeps_order(node) and node.call is not None:
                    message = f"this leaves the axes of {node.shape} where they are"
                    yield self.at(model.where_of(node), message, advice="give the order that is meant, or remove it")
