"""RL105: a residual addition that only works for some input sizes."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class ResidualSomeSizes(Rule):
    """What it does: finds an addition whose operands match at some input sizes and not at others, and reports which.

    Each finding is confirmed by a trace at an input size that fails, the smallest one if the model accepts it. Either
    both sides halve the size, but one rounds up and the other down; or one side is downsampled and upsampled again and
    does not return to its original size. The latter is by design in pyramids, hourglasses and multi-resolution
    networks. So it is reported as info, and not at all if the file itself uses input sizes that are divisible.

    Why is this bad: the block works at 224 and raises "The size of tensor a (8) must match the size of tensor b (7)" at
    240, where a stage before it halves the size once more.

    Example:
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(64, 128, 1))
        out = self.conv(x) + self.shortcut(x)   # conv: kernel 3, stride 2, padding 1

    Use instead:
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(64, 128, 1))
        out = self.conv(x) + self.shortcut(x)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise.
    """

    code = "RL105"
    name = "residual-some-sizes"
    severity = "warning"
    fixable = True
    traits = Traits(proof="reported")
    bad = (
        Case(
            "a pooled shortcut rounds down where the branch rounds up",
            """
            class Down(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.branch = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
                    self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(width, 2 * width, 1))
                def forward(self, x):
                    return self.branch(x) + self.shortcut(x)  # <- RL105
        """,
        ),
        Case(
            "a kernel of 2 next to a strided projection, 1d",
            """
            class Halve(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.branch = nn.Conv1d(8, 8, 2, stride=2)
                    self.shortcut = nn.Conv1d(8, 8, 1, stride=2)
                def forward(self, signal):
                    out = self.branch(signal)
                    out += self.shortcut(signal)  # <- RL105
                    return out
        """,
        ),
        Case(
            "a pyramid that doubles what was halved",
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
                    return fine + F.interpolate(self.down(fine), scale_factor=2)  # <- RL105
        """,
        ),
    )
    good = (
        Case(
            "a pooled shortcut that rounds up like the branch",
            """
            class Down(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.branch = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
                    self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(width, 2 * width, 1))
                def forward(self, x):
                    return self.branch(x) + self.shortcut(x)
        """,
        ),
        Case(
            "both sides round down",
            """
            class Down(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.branch = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.MaxPool2d(2))
                    self.shortcut = nn.AvgPool2d(2)
                def forward(self, x):
                    return self.branch(x) + self.shortcut(x)
        """,
        ),
        Case(
            "an odd length is padded before it is halved",
            """
            class Halve(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.branch = nn.Conv1d(8, 8, 3, stride=2, padding=1)
                    self.shortcut = nn.AvgPool1d(2)
                def forward(self, signal):
                    out = self.branch(signal)
                    if signal.shape[-1] % 2:
                        signal = torch.cat([signal, signal[..., -1:]], -1)
                    return out + self.shortcut(signal)
        """,
        ),
        Case(
            "a pyramid that resizes to its skip",
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
        Case(
            "a model whose classifier takes one size only",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.branch = nn.Conv2d(3, 8, 3, stride=2, padding=1)
                    self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 8, 1))
                    self.head = nn.Linear(8 * 16 * 16, 10)
                def forward(self, x):
                    return self.head((self.branch(x) + self.shortcut(x)).flatten(1))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for limit in analysis.size_limits:
            if limit.failure.kind == "addition":
                yield self.limited(limit)
