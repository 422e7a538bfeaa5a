"""RL301: a layer fed the wrong number of channels or features."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class LayerInput(Rule):
    """What it does: finds a layer (convolution, linear, normalization) whose input has a different number of channels
    or features than it expects.

    The finding is at the call of the layer, not inside a helper that only passes the tensor on.

    Why is this bad: the forward pass raises "expected input to have 32 channels, but got 64 channels instead".

    Example:
        self.conv1 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        out = self.conv2(self.conv1(x))

    Use instead:
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise. A new
    first layer in a model with pretrained weights is unsafe.
    """

    code = "RL301"
    name = "layer-input-mismatch"
    fixable = True
    bad = (
        Case(
            "the second convolution is built like the first",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv1 = nn.Conv2d(32, 64, 3, padding=1)
                    self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
                def forward(self, x):
                    out = self.conv1(x)
                    return self.conv2(out)  # <- RL301
        """,
        ),
        Case(
            "a normalization of the input's channels",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(32, 64, 3, padding=1)
                    self.norm = nn.BatchNorm2d(32)
                def forward(self, x):
                    out = self.conv(x)
                    return self.norm(out)  # <- RL301
        """,
        ),
        Case(
            "a transposed convolution, which meta alone would let pass",
            """
            class Up(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 16, 3)
                    self.up = nn.ConvTranspose2d(32, 8, 2, stride=2)
                def forward(self, x):
                    x = self.conv(x)
                    return self.up(x)  # <- RL301
        """,
        ),
        Case(
            "a classifier for another width",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 64, 3)
                    self.pool = nn.AdaptiveAvgPool2d(1)
                    self.fc = nn.Linear(128, 10)
                def forward(self, x):
                    x = self.pool(self.conv(x)).flatten(1)
                    return self.fc(x)  # <- RL301
        """,
        ),
    )
    good = (
        Case(
            "a model of pictures, of which nobody says that it takes three channels",
            """
            class Shift(nn.Conv2d):
                def __init__(self):
                    super().__init__(3, 3, kernel_size=1)
            class Super(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.shift, self.back = Shift(), Shift()
                    self.head = nn.Conv2d(in_channels, 16, 3, padding=1)
                    self.tail = nn.Conv2d(16, out_channels, 3, padding=1)
                def forward(self, x):
                    return self.back(self.tail(self.head(self.shift(x))))
        """,
        ),
        Case(
            "layers that follow each other",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 64, 3)
                    self.norm = nn.GroupNorm(8, 64)
                    self.fc = nn.Linear(64, 10)
                def forward(self, x):
                    return self.fc(self.norm(self.conv(x)).mean((2, 3)))
        """,
        ),
        Case(
            "a module that works on images of one size only",
            """
            class Digits(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(1, 4, 3, padding=1)
                    self.fc = nn.Linear(4 * 28 * 28, 10)
                def forward(self, x):
                    return self.fc(self.conv(x).flatten(1))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failures:
            if failure.kind == "layer" and failure.condition is None:
                shape = failure.operands[0].shape
                yield self.finding(failure, f"{failure.layer}, but gets {shape}")
