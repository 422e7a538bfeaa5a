"""RL107: a concatenation whose other dimensions differ, at the given input size or at others."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class ConcatenationSize(Rule):
    """What it does: finds a concatenation, such as in a U-Net, whose parts differ in another dimension than the
    concatenated one, and tensors of different shapes that are stacked.

    It is an error if they differ for the inputs in the file; the message names the sizes that would work, if there are
    any. It is a warning if only other sizes fail, confirmed by a trace at one of them, unless the file itself uses
    sizes that work. A model that pads or resizes accepts all sizes.

    Why is this bad: the forward pass raises "Sizes of tensors must match except in dimension 1". In a U-Net, this
    happens at input sizes that are not divisible: the pooling rounds down, and the upsampling doubles the smaller size.

    Example:
        x = torch.cat([skip, self.up(x)], dim=1)

    Use instead:
        x = F.interpolate(self.up(x), size=skip.shape[-2:])
        x = torch.cat([skip, x], dim=1)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise. Cropping
    is unsafe: all of the padding may have been forgotten.
    """

    code = "RL107"
    name = "concatenation-size-mismatch"
    fixable = True
    bad = (
        Case(
            "an odd size through a U-Net",
            """
            class UNet(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.enter = nn.Conv2d(3, 8, 3, padding=1)
                    self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1))
                    self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
                def forward(self, x):
                    skip = self.enter(x)
                    return torch.cat([skip, self.up(self.down(skip))], 1)  # <- RL107
            if __name__ == "__main__":
                UNet()(torch.randn(1, 3, 65, 65))
        """,
        ),
        Case(
            "a U-Net that halves twice and pads nothing",
            """
            class UNet(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.enter = nn.Conv2d(3, 8, 3, padding=1)
                    self.down1 = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1))
                    self.down2 = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1))
                    self.up = nn.Upsample(scale_factor=2)
                    self.out = nn.Conv2d(40, 2, 1)
                def forward(self, x):
                    first = self.enter(x)
                    second = self.down1(first)
                    x = self.up(self.down2(second))
                    x = torch.cat([second, x], 1)  # <- RL107
                    x = torch.cat([first, self.up(x)], 1)  # <- RL107
                    return self.out(x)
        """,
        ),
        Case(
            "a branch that lost its padding",
            """
            class Inception(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.near = nn.Conv2d(8, 4, 1)
                    self.far = nn.Conv2d(8, 4, 3)
                def forward(self, x):
                    return torch.cat((self.near(x), self.far(x)), dim=1)  # <- RL107
            if __name__ == "__main__":
                Inception()(torch.randn(1, 8, 16, 16))
        """,
        ),
        Case(
            "parts of different sizes that are stacked",
            """
            class Branches(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.near = nn.Conv2d(8, 8, 3, padding=1)
                    self.far = nn.Conv2d(8, 8, 3, padding=1, dilation=2)
                def forward(self, x):
                    return torch.stack([self.near(x), self.far(x)], dim=1).sum(1)  # <- RL107
        """,
        ),
    )
    good = (
        Case(
            "a U-Net that pads to its skip",
            """
            import torch
            import torch.nn.functional as F
            from torch import nn
            class UNet(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.enter = nn.Conv2d(3, 8, 3, padding=1)
                    self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1))
                    self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
                def forward(self, x):
                    skip = self.enter(x)
                    x = self.up(self.down(skip))
                    high, wide = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
                    x = F.pad(x, [wide // 2, wide - wide // 2, high // 2, high - high // 2])
                    return torch.cat([skip, x], 1)
        """,
        ),
        Case(
            "a U-Net that refuses what it cannot take",
            """
            class UNet(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.enter = nn.Conv2d(3, 8, 3, padding=1)
                    self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1))
                    self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
                def forward(self, x):
                    if x.shape[-1] % 2 or x.shape[-2] % 2:
                        raise ValueError("height and width must be even")
                    skip = self.enter(x)
                    return torch.cat([skip, self.up(self.down(skip))], 1)
        """,
        ),
        Case(
            "an even size through a U-Net",
            """
            class UNet(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.enter = nn.Conv2d(3, 8, 3, padding=1)
                    self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1))
                    self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
                def forward(self, x):
                    skip = self.enter(x)
                    return torch.cat([skip, self.up(self.down(skip))], 1)
            if __name__ == "__main__":
                UNet()(torch.randn(1, 3, 64, 64))
        """,
        ),
        Case(
            "parts of different channels",
            """
            class Dense(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 12, 3, padding=1)
                def forward(self, x):
                    return torch.cat([x, self.conv(x)], dim=1)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failures:
            if failure.kind == "concatenation" and failure.condition is None:
                shapes = " and ".join(str(operand.shape) for operand in failure.operands[:4])
                what = "cannot stack" if failure.error.startswith("stack") else "cannot concatenate"
                yield self.finding(failure, failure.with_sizes(what, f"the shapes are {shapes}"))
        for limit in analysis.size_limits:
            if limit.failure.kind == "concatenation":
                yield self.limited(limit)
