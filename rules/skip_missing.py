"""RL208: a block that saves its input for a skip connection and never adds it."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.analysis import Analysis
from resnet_lint.observed import IdentityUnread
from resnet_lint.records import Finding
from resnet_lint.rule import Case, Rule


class SkipMissing(Rule):
    """What it does: finds a forward that saves its input as `identity`, `residual`, `shortcut` and the like, never
    reads that variable, and adds its input nowhere.

    Why is this bad: the skip connection was lost, in an edit or a merge. Nothing fails; the block trains like a
    plain one.

    Example:
        identity = x
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out)

    Use instead:
        identity = x
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out + identity)
    """

    code = "RL208"
    name = "skip-missing"
    severity = "warning"
    bad = (
        Case(
            "saved and forgotten",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x  # <- RL208
                    x = self.conv(x)
                    return torch.relu(x)
        """,
        ),
        Case(
            "projected on both ways and forgotten",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8, project=False):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.proj = nn.Conv2d(width, width, 1) if project else None
                    self.norm = nn.BatchNorm2d(width)
                def forward(self, x):
                    if self.proj is not None:
                        shortcut = self.proj(x)
                        shortcut = self.norm(shortcut)  # <- RL208
                    else:
                        shortcut = x
                    return self.norm(self.conv(x))
        """,
        ),
        Case(
            "the class says what is missing",
            """
            from torch import nn
            class ResBlock(nn.Module):
                def __init__(self, width=8, downsample=None):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                def forward(self, x):
                    before = x  # <- RL208
                    x = self.body(x)
                    return x
        """,
        ),
    )
    good = (
        Case(
            "what is kept is no tensor",
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    orig_size = x.shape
                    return self.conv(x)
        """,
        ),
        Case(
            "the input is added under its own name",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x
                    return x + self.conv(x)
        """,
        ),
        Case(
            "read on another path",
            """
            from torch import nn
            class ResBlock(nn.Module):
                def __init__(self, width=8, stride=2):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, stride, 1)
                    self.use_skip = stride == 1
                def forward(self, x):
                    identity = x
                    x = self.conv(x)
                    if self.use_skip:
                        x = x + identity
                    return x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(IdentityUnread):
            message = (
                f"{each.variable} is stored here and never read, and {each.module} adds its input nowhere: "
                "its skip connection is missing"
            )
            yield self.noted(each, message)
