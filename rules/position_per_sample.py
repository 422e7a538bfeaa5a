"""RL305: a position code that runs over the batch instead of the sequence."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.analysis import Analysis
from resnet_lint.observed import CodePerSample
from resnet_lint.records import Finding
from resnet_lint.rule import Case, Rule


class PositionPerSample(Rule):
    """What it does: finds the addition of a position code that has one value for each sample and the same along the
    sequence. Which axis is the sequence is taken from the attention behind it, or from `batch_first`.

    Why is this bad: `x + table[:x.size(0)]` is right for (sequence, batch, features). With the batch first, every
    position of a sample gets the code of the sample's number in the batch, and the model cannot tell the order.
    Nothing fails.

    Example:
        return x + self.table[:x.size(0)]             # x is (batch, sequence, features)

    Use instead:
        return x + self.table[:x.size(1)].transpose(0, 1)
    """

    code = "RL305"
    name = "position-per-sample"
    severity = "warning"
    bad = (
        Case(
            "a table for the sequence first",
            """
            import torch
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.register_buffer("table", torch.zeros(100, 1, width))
                    self.encoder = nn.TransformerEncoderLayer(width, 2, batch_first=True)
                def forward(self, x):
                    x = x + self.table[: x.size(0)]  # <- RL305
                    return self.encoder(x)
            if __name__ == "__main__":
                Net()(torch.randn(4, 10, 16))
        """,
        ),
        Case(
            "a table for the batch first, attention by hand",
            """
            import torch
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.table = nn.Parameter(torch.zeros(1, 100, width))
                    self.qkv = nn.Linear(width, 3 * width)
                def forward(self, x):
                    x = x + self.table[:, : x.size(1)]  # <- RL305
                    q, k, v = self.qkv(x).transpose(0, 1).chunk(3, -1)
                    return (q @ k.transpose(1, 2)).softmax(-1) @ v
            if __name__ == "__main__":
                Net()(torch.randn(10, 4, 16))
        """,
        ),
    )
    good = (
        Case(
            "each layout with its own table",
            """
            import torch
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.register_buffer("table", torch.zeros(100, 1, width))
                    self.encoder = nn.TransformerEncoderLayer(width, 2)
                    self.second = nn.TransformerEncoderLayer(width, 2, batch_first=True)
                def forward(self, x):
                    x = self.encoder(x + self.table[: x.size(0)]).transpose(0, 1)
                    return self.second(x + self.table[: x.size(1)].transpose(0, 1))
            if __name__ == "__main__":
                Net()(torch.randn(10, 4, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(CodePerSample):
            axis = ("first", "second")[each.axis]
            message = (
                f"{each.code} is added to {each.tensor}, whose {axis} axis is the sequence: one code for each sample, "
                "and the same at every position"
            )
            yield self.noted(each, message)
