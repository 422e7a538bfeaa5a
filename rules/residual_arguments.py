"""RL106: a block that accepts arguments its addition cannot take."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class ResidualArguments(Rule):
    """What it does: finds a block that nobody in the file builds, whose constructor accepts values its addition cannot
    take.

    Under which condition it works is found by running the constructor and the forward with the channels and the stride
    as symbols, once for each way through them. Where symbols cannot go, as through `range(stride)`, it is judged by
    blocks built from a few numbers.

    Why is this bad: the parameter promises something that fails in the forward, far from the line that chose the
    value. A block whose shortcut comes from its caller (`downsample=None`) is not meant.

    Example:
        class Block(nn.Module):
            def __init__(self, in_channels, out_channels):
                self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
            def forward(self, x):
                return x + self.conv(x)

    Use instead:
        class Block(nn.Module):
            def __init__(self, in_channels, out_channels):
                self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
                self.shortcut = nn.Identity()
                if in_channels != out_channels:
                    self.shortcut = nn.Conv2d(in_channels, out_channels, 1)
            def forward(self, x):
                return self.shortcut(x) + self.conv(x)
    """

    code = "RL106"
    name = "residual-arguments"
    severity = "warning"
    fixable = True
    traits = Traits(family="addition", rank=3, proof="required")
    bad = (
        Case(
            "channels that need not be equal",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
                def forward(self, x):
                    return x + self.conv(x)  # <- RL106
        """,
        ),
        Case(
            "a stride that the shortcut does not follow",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, channels, stride=1):
                    super().__init__()
                    self.conv = nn.Conv2d(channels, channels, 3, stride, 1)
                def forward(self, x):
                    out = self.conv(x)
                    out += x  # <- RL106
                    return out
        """,
        ),
    )
    good = (
        Case(
            "a projection on demand",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, in_channels, out_channels, stride=1):
                    super().__init__()
                    self.conv = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
                    self.shortcut = nn.Identity()
                    if stride != 1 or in_channels != out_channels:
                        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride)
                def forward(self, x):
                    return self.shortcut(x) + self.conv(x)
        """,
        ),
        Case(
            "the shortcut comes from the caller",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, inplanes, planes, stride=1, downsample=None):
                    super().__init__()
                    self.conv = nn.Conv2d(inplanes, planes, 3, stride, 1)
                    self.downsample = downsample
                def forward(self, x):
                    identity = x if self.downsample is None else self.downsample(x)
                    return self.conv(x) + identity
        """,
        ),
        Case(
            "the file builds the block in the way that works",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
                def forward(self, x):
                    return x + self.conv(x)
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), Block(8, 8), Block(8, 8))
                def forward(self, x):
                    return self.layers(x)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failures:
            if failure.kind == "addition" and failure.condition is not None:
                branch, shortcut = (operand.shape for operand in failure.operands)
                contract = f"it requires {failure.contract}; " if failure.contract is not None else ""
                message = (
                    f"{failure.module} accepts arguments for which its addition fails: {contract}when "
                    f"{failure.condition}, the operands are {branch} and {shortcut}"
                )
                yield self.finding(failure, message)
