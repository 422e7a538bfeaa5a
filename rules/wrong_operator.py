"""RL205: a skip connection with another operator than an addition."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import OtherOperator
from resnet_lint.shared.records.findings import Finding


class WrongOperator(Rule):
    """What it does: finds a block that subtracts, multiplies or divides its input and its residual branch of the same
    shape.

    It speaks only where the names do too: a class that calls itself a block, or a variable such as `identity`.
    Gates, attention and normalisation are left alone.

    Why is this bad: a skip connection adds (He et al. 2015). Nothing fails with another operator, but the input no
    longer passes the block unchanged, and neither does the gradient.

    Example:
        out = torch.relu(self.conv(x))
        out = x * out

    Use instead:
        out = torch.relu(self.conv(x))
        out = x + out
    """

    code = "RL205"
    name = "wrong-operator"
    severity = "warning"
    bad = (
        Case(
            "subtraction",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.conv(x))
                    out = x - out  # <- RL205
                    return out
        """,
        ),
        Case(
            "multiplication, in place",
            """
            import torch
            from torch import nn
            class ResUnit(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.bn = nn.BatchNorm2d(width)
                def forward(self, x):
                    out = self.bn(self.conv(x))
                    out *= x  # <- RL205
                    return torch.relu(out)
        """,
        ),
        Case(
            "division; the variable tells",
            """
            import torch
            from torch import nn
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    identity = x
                    x = self.fc(x)
                    return x / identity  # <- RL205
        """,
        ),
        Case(
            "what was saved in the middle of a stage",
            """
            from torch import nn
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.down = nn.Conv2d(width, width, 2, stride=2)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    x = self.down(x)
                    identity = x
                    x = self.conv(x)
                    return x - identity  # <- RL205
        """,
        ),
    )
    good = (
        Case(
            "a gate",
            """
            import torch
            from torch import nn
            class GatedBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    return x * torch.sigmoid(self.conv(x))
        """,
        ),
        Case(
            "a network that predicts the noise",
            """
            from torch import nn
            class Denoiser(nn.Module):
                def __init__(self, width=3):
                    super().__init__()
                    self.net = nn.Sequential(nn.Conv2d(width, 16, 3, padding=1), nn.Conv2d(16, width, 3, padding=1))
                def forward(self, x):
                    return x - self.net(x)
        """,
        ),
        Case(
            "what is left to explain, step by step",
            """
            from torch import nn
            class ResidualQuantizer(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.steps = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
                def forward(self, x):
                    residual, explained = x, 0
                    for step in self.steps:
                        part = step(residual)
                        residual = residual - part
                        explained = explained + part
                    return explained
        """,
        ),
        Case(
            "a mean of input and branch",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return x + 0.5 * (self.conv(x) - x)
        """,
        ),
        Case(
            "a scaled branch",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return x + self.conv(x) * 0.1
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(OtherOperator):
            message = (
                f"the block's input and its residual branch ({each.branch}) are joined by `{each.operator}`; "
                "a skip connection adds them"
            )
            yield self.noted(each, message, advice="add the two")
