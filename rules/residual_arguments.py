"""RL106: a block that accepts arguments for which its addition fails."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class ResidualArguments(Rule):
    """What it does: finds a block that nothing in the project constructs, whose constructor accepts values for which
    its addition fails, or its shortcut does not exist.

    The condition under which it works is found by running constructor and forward with symbolic channels and stride,
    once per path. Where symbols are not supported, as in `range(stride)`, blocks with a few concrete values are tried.

    Why is this bad: the constructor accepts a value that fails in the forward pass, far from the line that chose it.
    A block whose shortcut is passed by its caller (`downsample=None`) is not reported.

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

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise.
    """

    code = "RL106"
    name = "residual-arguments"
    severity = "warning"
    fixable = True
    traits = Traits(family="addition", rank=3, proof="required")
    bad = (
        Case(
            "channels that may differ",
            """
            class Block(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
                def forward(self, x):
                    return x + self.conv(x)  # <- RL106
        """,
        ),
        Case(
            "a projection that is not always there",
            """
            class Block(nn.Module):
                def __init__(self, i, o, stride=1):
                    super().__init__()
                    self.conv = nn.Conv2d(i, o, 3, stride, 1)
                    if stride != 1 or i != o:
                        self.down = nn.Conv2d(i, o, 1, stride)
                def forward(self, x):
                    return self.conv(x) + self.down(x)  # <- RL106
        """,
        ),
        Case(
            "a stride that the shortcut ignores",
            """
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
            "an option that the caller sets where a projection is needed",
            """
            class Residual(nn.Module):
                def __init__(self, input_channels, num_channels, use_1x1conv=False, strides=1):
                    super().__init__()
                    self.conv = nn.Conv2d(input_channels, num_channels, 3, strides, 1)
                    self.conv1x1 = nn.Conv2d(input_channels, num_channels, 1, strides) if use_1x1conv else None
                def forward(self, x):
                    y = self.conv(x)
                    return y + (x if self.conv1x1 is None else self.conv1x1(x))
        """,
        ),
        Case(
            "a projection where it is needed",
            """
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
            "a projection that is only called where it is there",
            """
            class Block(nn.Module):
                def __init__(self, i, o, stride=1):
                    super().__init__()
                    self.conv = nn.Conv2d(i, o, 3, stride, 1)
                    self.down = None
                    if stride != 1 or i != o:
                        self.down = nn.Conv2d(i, o, 1, stride)
                def forward(self, x):
                    return self.conv(x) + (x if self.down is None else self.down(x))
        """,
        ),
        Case(
            "the shortcut comes from the caller",
            """
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
            "the file constructs the block with valid arguments",
            """
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
        for problem in analysis.problems:
            if problem.kind == "arguments":
                message = f"{problem.module} accepts arguments for which it fails: {problem.reason}"
                yield Finding(self.code, self.name, self.severity, message, problem.span, problem.module)
        for failure in analysis.failures:
            if failure.kind == "addition" and failure.condition is not None:
                branch, shortcut = (operand.shape for operand in failure.operands)
                contract = f"it requires {failure.contract}; " if failure.contract is not None else ""
                message = (
                    f"{failure.module} accepts arguments for which its addition fails: {contract}when "
                    f"{failure.condition}, the operands are {branch} and {shortcut}"
                )
                yield self.finding(failure, message)
