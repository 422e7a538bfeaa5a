"""RL103: a residual addition whose operands differ in channels and spatial size."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class ResidualShape(Rule):
    """What it does: finds a residual addition that fails because branch and shortcut differ in channels and spatial
    size.

    Why is this bad: this is the first block of a ResNet's later stages, where the convolution strides and widens at
    once. Unless the shortcut is projected with the same stride, the forward pass raises.

    Example:
        self.conv = nn.Conv2d(64, 128, 3, stride=2, padding=1)
        out = self.conv(x) + x

    Use instead:
        self.shortcut = nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)
        out = self.conv(x) + self.shortcut(x)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise.
    """

    code = "RL103"
    name = "residual-shape-mismatch"
    fixable = True
    traits = Traits(family="addition", rank=0, proof="reported")
    bad = (
        Case(
            "stride and channels at once, in every later stage",
            """
            class Block(nn.Module):
                def __init__(self, cin, cout, stride):
                    super().__init__()
                    self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1)
                    self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)
                def forward(self, x):
                    return x + self.conv2(torch.relu(self.conv1(x)))  # <- RL103
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.stem = nn.Conv2d(3, 8, 3)
                    self.layers = nn.ModuleList([Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2)])
                def forward(self, x):
                    x = self.stem(x)
                    for layer in self.layers:
                        x = layer(x)
                    return x
        """,
        ),
        Case(
            "swapped dimensions",
            """
            class Mix(nn.Module):
                def __init__(self, width=144):
                    super().__init__()
                    self.norm = nn.LayerNorm(width)
                    self.conv = nn.Conv1d(width, width, 3, padding=1)
                def forward(self, x):
                    return x + self.conv(self.norm(x).transpose(1, 2))  # <- RL103
        """,
            call="Mix()",
            inputs=("x=2x200x144",),
        ),
    )
    good = (
        Case(
            "an inverted residual that adds only where it can",
            """
            class Inverted(nn.Module):
                def __init__(self, inp, oup, stride):
                    super().__init__()
                    self.use_res_connect = stride == 1 and inp == oup
                    self.conv = nn.Sequential(nn.Conv2d(inp, inp, 3, stride, 1, groups=inp), nn.Conv2d(inp, oup, 1))
                def forward(self, x):
                    return x + self.conv(x) if self.use_res_connect else self.conv(x)
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), Inverted(8, 8, 1), Inverted(8, 16, 2))
                def forward(self, x):
                    return self.layers(x)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failed_additions(frozenset({"channels", "size"})):
            yield self.finding(failure, failure.addition_message("channels and spatial size"))
