"""RL210: a shortcut that passes no gradient."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import CutShortcut
from resnet_lint.shared.records.findings import Finding


class ShortcutCut(Rule):
    """What it does: finds a residual addition whose shortcut is the block's input, or a projection of it, behind
    `.detach()` or `.data`, or inside `with torch.no_grad():`, while the residual branch keeps its gradient.

    Straight-through estimators, and targets that are cut from the gradient outside residual blocks, are left alone.

    Why is this bad: the forward is right, but the gradient passes the residual branch alone, as if there were no
    skip connection: what skip connections are for is lost.

    Example:
        identity = x.detach()
        return self.conv(x) + identity

    Use instead:
        identity = x
        return self.conv(x) + identity
    """

    code = "RL210"
    name = "shortcut-cut-from-gradient"
    severity = "warning"
    bad = (
        Case(
            "a detached identity",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x.detach()  # <- RL210
                    return self.conv(x) + identity
        """,
        ),
        Case(
            "the data of the input",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                def forward(self, x):
                    out = self.body(x)
                    out += x.data  # <- RL210
                    return out
        """,
        ),
        Case(
            "a projection without gradient",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    with torch.no_grad():
                        identity = self.shortcut(x)  # <- RL210
                    return self.conv(x) + identity
        """,
        ),
    )
    good = (
        Case(
            "a frozen block, and a copy that no_grad() does not touch",
            """
            import torch
            from torch import nn
            class Frozen(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                    self.head = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    with torch.no_grad():
                        identity = x
                        frozen = self.conv(x) + self.shortcut(x)
                    return self.head(frozen) + identity
        """,
        ),
        Case(
            "a straight-through estimator",
            """
            from torch import nn
            class Quantize(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.encode = nn.Linear(width, width)
                def forward(self, x):
                    z = self.encode(x)
                    return z + (z.round() - z).detach()
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(CutShortcut):
            message = f"the shortcut is cut from the gradient by {each.how}: only the residual branch passes it on"
            yield self.noted(each, message, advice="let the shortcut keep its gradient")
