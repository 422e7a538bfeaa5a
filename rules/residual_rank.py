"""RL104: an addition whose operands have different numbers of dimensions."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class ResidualRank(Rule):
    """What it does: finds an addition that fails because its operands have different numbers of dimensions.

    Why is this bad: torch aligns dimensions from the right, so the channels of an (N, C) vector are matched with the
    width of an (N, C, H, W) map. If the numbers happen to agree, no error is raised and the result is wrong.

    Example:
        h = h + self.time_mlp(t)                    # (N, C, H, W) + (N, C)

    Use instead:
        h = h + self.time_mlp(t)[:, :, None, None]
    """

    code = "RL104"
    name = "residual-rank-mismatch"
    bad = (
        Case(
            "a time embedding without its dimensions",
            """
            class Block(nn.Module):
                def __init__(self, width=32, time_width=128):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.time = nn.Linear(time_width, width)
                def forward(self, x, t):
                    return self.conv(x) + self.time(t)  # <- RL104
        """,
            call="Block()",
            inputs=("x=2x32x16x16", "t=2x128"),
        ),
        Case(
            "a score per image beside its map",
            """
            class Score(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 8, 3, padding=1)
                def forward(self, x):
                    return self.conv(x) + x.mean((2, 3))  # <- RL104
            if __name__ == "__main__":
                Score()(torch.randn(2, 8, 5, 6))
        """,
        ),
    )
    good = (
        Case(
            "a time embedding with its dimensions",
            """
            class Block(nn.Module):
                def __init__(self, width=32, time_width=128):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.time = nn.Linear(time_width, width)
                def forward(self, x, t):
                    return self.conv(x) + self.time(t)[:, :, None, None]
        """,
            call="Block()",
            inputs=("x=2x32x16x16", "t=2x128"),
        ),
        Case(
            "a bias per channel of the last dimension",
            """
            class Shift(nn.Module):
                def __init__(self, width=32):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.shift = nn.Parameter(torch.zeros(width))
                def forward(self, x):
                    return self.fc(x) + self.shift
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failed_additions(frozenset({"rank"})):
            yield self.finding(failure, failure.addition_message("number of dimensions"))
