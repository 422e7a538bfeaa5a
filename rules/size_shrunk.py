"""RL302: an input smaller than the kernel."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class SizeShrunk(Rule):
    """What it does: finds a pooling or convolution layer whose input is smaller than its kernel.

    Why is this bad: the forward pass raises "Output size is too small" or "Kernel size can't be greater than actual
    input size". The model halves its input more often than the input size allows.

    Example:
        model(torch.randn(1, 3, 16, 16))       # five poolings by 2

    Use instead:
        model(torch.randn(1, 3, 64, 64))

    Fix safety: Only a convolution without padding is fixed, where another one with such a kernel keeps the size; safe.
    """

    code = "RL302"
    name = "size-shrunk"
    fixable = True
    bad = (
        Case(
            "one pooling too many for the input size of the file",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pools = nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2))
                    self.last = nn.MaxPool2d(2)
                def forward(self, x):
                    x = self.pools(x)
                    return self.last(x)  # <- RL302
            if __name__ == "__main__":
                Net()(torch.randn(1, 3, 8, 8))
        """,
        ),
        Case(
            "a kernel larger than what is left",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.down = nn.Conv2d(3, 8, 3, stride=4)
                    self.last = nn.Conv2d(8, 8, 5)
                def forward(self, x):
                    x = self.down(x)
                    return self.last(x)  # <- RL302
            if __name__ == "__main__":
                Net()(torch.randn(1, 3, 15, 15))
        """,
        ),
    )
    good = (
        Case(
            "a size that is large enough",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pools = nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2))
                def forward(self, x):
                    return self.pools(x)
            if __name__ == "__main__":
                Net()(torch.randn(1, 3, 8, 8))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failures:
            if failure.kind == "shrunk" and failure.condition is None:
                yield self.finding(failure, f"the input {failure.operands[0].shape} is too small here: {failure.error}")
