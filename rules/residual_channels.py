"""RL101: a residual addition whose operands have different channels."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class ResidualChannels(Rule):
    """What it does: finds a residual addition that fails because branch and shortcut have different channels or
    features.

    The sizes match; a layer of the residual branch changes the number of channels, and the shortcut does not.

    Why is this bad: the forward pass raises "The size of tensor a (128) must match the size of tensor b (64)". An
    identity shortcut needs equal shapes (He et al. 2015, equation 1); otherwise it has to be projected (equation 2).

    Example:
        out = self.conv(x)        # 64 -> 128 channels
        out = out + x

    Use instead:
        self.shortcut = nn.Conv2d(64, 128, kernel_size=1, bias=False)
        out = self.conv(x)
        out = out + self.shortcut(x)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise.
    """

    code = "RL101"
    name = "residual-channels-mismatch"
    fixable = True
    traits = Traits(family="addition", rank=1, proof="reported")
    bad = (
        Case(
            "a gate of linear layers in the branch",
            """
            class Gate(nn.Module):
                def __init__(self, channels):
                    super().__init__()
                    self.fc = nn.Linear(channels, channels)
                def forward(self, x):
                    return x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]
            class Block(nn.Module):
                def __init__(self, channels_in, channels_out):
                    super().__init__()
                    self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)
                    self.gate = Gate(channels_out)
                def forward(self, x):
                    return self.gate(self.conv(x)) + x  # <- RL101
            if __name__ == "__main__":
                Block(4, 8)(torch.randn(2, 4, 16, 16))
        """,
        ),
        Case(
            "a branch that doubles the channels",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(64, 128, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.conv(x))
                    out = out + x  # <- RL101
                    return out
        """,
        ),
        Case(
            "in place, inside a model",
            """
            class Block(nn.Module):
                def __init__(self, width, out):
                    super().__init__()
                    self.body = nn.Sequential(nn.Conv1d(width, out, 3, padding=1), nn.ReLU())
                def forward(self, x):
                    out = self.body(x)
                    out += x  # <- RL101
                    return out
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layers = nn.Sequential(nn.Conv1d(1, 16, 3), Block(16, 16), Block(16, 32))
                def forward(self, x):
                    return self.layers(x)
        """,
        ),
        Case(
            "features of a linear block, through torch.add",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(32, 48)
                def forward(self, x):
                    return torch.add(x, self.fc(x))  # <- RL101
        """,
        ),
        Case(
            "the second of two branches, on video",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.near = nn.Conv3d(8, 8, 3, padding=1)
                    self.far = nn.Conv3d(8, 12, 3, padding=2, dilation=2)
                def forward(self, x):
                    return x + self.near(x) + self.far(x)  # <- RL101
        """,
        ),
    )
    good = (
        Case(
            "a projection where it is needed",
            """
            class Block(nn.Module):
                def __init__(self, cin, cout):
                    super().__init__()
                    self.conv = nn.Conv2d(cin, cout, 3, padding=1)
                    self.shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()
                def forward(self, x):
                    return self.conv(x) + self.shortcut(x)
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layers = nn.Sequential(nn.Conv2d(3, 16, 3), Block(16, 16), Block(16, 32))
                def forward(self, x):
                    return self.layers(x)
        """,
        ),
        Case(
            "a global context that broadcasts on purpose",
            """
            class Context(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.pool = nn.AdaptiveAvgPool2d(1)
                    self.conv = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    return x + self.conv(self.pool(x))
        """,
        ),
        Case(
            "a block whose shortcut comes from its caller",
            """
            class Bottleneck(nn.Module):
                expansion = 4
                def __init__(self, inplanes, planes, downsample=None):
                    super().__init__()
                    self.conv = nn.Conv2d(inplanes, planes * self.expansion, 1)
                    self.downsample = downsample
                def forward(self, x):
                    identity = x if self.downsample is None else self.downsample(x)
                    return self.conv(x) + identity
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failed_additions(frozenset({"channels"})):
            yield self.finding(failure, failure.addition_message("channels"))
