"""RL102: a residual addition whose operands have different spatial sizes."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class ResidualSize(Rule):
    """What it does: finds a residual addition that fails because branch and shortcut have different heights, widths or
    lengths.

    The channels match; a stride, pooling, missing padding or upsampling in the branch changes the size. If other input
    sizes would work, as when one side rounds an odd size down and the other up, the message says which.

    Why is this bad: the forward pass raises "The size of tensor a (28) must match the size of tensor b (56)". The
    shortcut needs the stride of the branch, or the branch has to keep its size.

    Example:
        self.conv = nn.Conv2d(64, 64, 3, stride=2, padding=1)
        out = self.conv(x) + x

    Use instead:
        self.shortcut = nn.Conv2d(64, 64, kernel_size=1, stride=2, bias=False)
        out = self.conv(x) + self.shortcut(x)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise, and where
    another layer of the branch may have been meant to stride.
    """

    code = "RL102"
    name = "residual-size-mismatch"
    fixable = True
    traits = Traits(family="addition", rank=2, proof="reported")
    bad = (
        Case(
            "a strided branch beside an identity",
            """
            class Down(nn.Module):
                def __init__(self, width=64, stride=2):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, stride, 1)
                def forward(self, x):
                    identity = x
                    return self.conv(x).add_(identity)  # <- RL102
        """,
        ),
        Case(
            "a projection without the branch's stride",
            """
            class Down(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(16, 32, 3, stride=2, padding=1)
                    self.shortcut = nn.Conv2d(16, 32, 1)
                def forward(self, x):
                    return self.shortcut(x) + self.conv(x)  # <- RL102
        """,
        ),
        Case(
            "a bottleneck, where the layers that only change the channels are no cause",
            """
            class Bottleneck(nn.Module):
                def __init__(self, width=64, stride=2):
                    super().__init__()
                    self.reduce = nn.Conv2d(width, width // 4, 1)
                    self.conv = nn.Conv2d(width // 4, width // 4, 3, stride, 1)
                    self.expand = nn.Conv2d(width // 4, width, 1)
                def forward(self, x):
                    return x + self.expand(self.conv(self.reduce(x)))  # <- RL102
        """,
        ),
        Case(
            "missing padding",
            """
            class Block(nn.Module):
                def __init__(self, width=32):
                    super().__init__()
                    self.body = nn.Sequential(nn.Conv2d(width, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3))
                def forward(self, x):
                    return x + self.body(x)  # <- RL102
        """,
        ),
    )
    good = (
        Case(
            "a shortcut with the stride of the branch",
            """
            class Down(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(16, 32, 3, stride=2, padding=1)
                    self.shortcut = nn.Conv2d(16, 32, 1, stride=2)
                def forward(self, x):
                    return self.shortcut(x) + self.conv(x)
        """,
        ),
        Case(
            "a feature pyramid that resizes to its skip",
            """
            import torch.nn.functional as F
            from torch import nn
            class Top(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.stem = nn.Conv2d(3, 8, 3, padding=1)
                    self.down = nn.Conv2d(8, 8, 3, stride=2, padding=1)
                def forward(self, x):
                    fine = self.stem(x)
                    return fine + F.interpolate(self.down(fine), size=fine.shape[-2:])
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failed_additions(frozenset({"size"})):
            yield self.finding(failure, failure.addition_message("spatial size"))
