"""RL202: the residual branch is added to itself because the block's input was overwritten."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits, name_of


class SelfAddition(Rule):
    """What it does: finds an addition whose two operands are the same tensor, computed by the block's own layers.

    Why is this bad: `x = self.conv(x)` overwrites the only name of the block's input, so `x + x` doubles the branch
    and there is no skip connection. No error is raised; the network trains like a plain one.

    Example:
        x = self.conv(x)
        return x + x

    Use instead:
        identity = x
        x = self.conv(x)
        return x + identity
    """

    code = "RL202"
    name = "self-addition"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "the branch overwrites the input's name",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.bn = nn.BatchNorm2d(width)
                def forward(self, x):
                    x = self.bn(self.conv(x))
                    x += x  # <- RL202
                    return torch.relu(x)
        """,
        ),
        Case(
            "saved too late, under another name",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                def forward(self, x):
                    x = self.body(x)
                    identity = x
                    return torch.add(x, identity)  # <- RL202
        """,
        ),
    )
    good = (
        Case(
            "an input that is doubled on purpose",
            """
            class Twice(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return self.conv(x + x)
        """,
        ),
        Case(
            "the input is saved first",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x
                    x = self.conv(x)
                    x += identity
                    return x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for addition in (addition for model in analysis.models for addition in model.additions):
            if addition.left is addition.right and addition.block.made(addition.left):
                message = (
                    f"both operands are the same tensor ({name_of(addition.left, addition.block)}): "
                    "the block's input is overwritten before it is added"
                )
                advice = "save the block's input first, as `identity = x`, and add that"
                yield self.at(addition.where, message, advice=advice)
