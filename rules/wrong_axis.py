"""RL305: values along the wrong axis."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import AttentionOverBatch, CodePerSample, ScrambledAxes
from resnet_lint.shared.records.findings import Finding


class WrongAxis(Rule):
    """What it does: finds three ways to take one axis for another. A position code that has one value for each sample
    and the same along the sequence. A `view` or `reshape` between a convolution and a linear layer, a normalisation
    or attention, that gives the sizes of a transpose. And attention built for the sequence first that gets the batch
    first.

    What an axis means is taken from the layers around it, and for attention from a second trace with another batch;
    where these leave a doubt, or sizes are equal, it says nothing.

    Why is this bad: the shapes fit, so nothing fails. `x.view(n, -1, channels)` leaves the values in their order in
    memory, so each of its rows mixes positions and channels; with the batch in place of the sequence, samples attend
    to each other, or every position of a sample has the same code.

    Example:
        x = self.conv(x)                              # (batch, channels, height, width)
        x = self.fc(x.reshape(n, -1, channels))

    Use instead:
        x = self.conv(x)
        x = self.fc(x.flatten(2).transpose(1, 2))     # (batch, positions, channels)
    """

    code = "RL305"
    name = "wrong-axis"
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
        Case(
            "a reshape in place of a transpose",
            """
            import torch
            from torch import nn
            class Tokens(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.norm = nn.LayerNorm(width)
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    x = self.patches(x)
                    x = x.reshape(x.size(0), -1, x.size(1))  # <- RL305
                    return self.fc(self.norm(x))
            if __name__ == "__main__":
                Tokens()(torch.randn(2, 3, 32, 40))
        """,
        ),
        Case(
            "a view back to an image",
            """
            import torch
            from torch import nn
            class Back(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.fc(x))
                    out = out.view(-1, 24, 7, 5)  # <- RL305
                    return self.conv(out)
            if __name__ == "__main__":
                Back()(torch.randn(2, 35, 24))
        """,
        ),
        Case(
            "patches with the batch first, attention without batch_first",
            """
            import torch
            from torch import nn
            class Vision(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.attention = nn.MultiheadAttention(width, 2)
                def forward(self, x):
                    x = self.patches(x).flatten(2).transpose(1, 2)
                    return x + self.attention(x, x, x)[0]  # <- RL305
            if __name__ == "__main__":
                Vision()(torch.randn(2, 3, 32, 40))
        """,
        ),
    )
    good = (
        Case(
            "a transpose, heads, and a shuffle of channels",
            """
            import torch
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.fc = nn.Linear(width, width)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    x = self.patches(x)
                    n, c, h, w = x.shape
                    x = x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w)
                    x = self.fc(x.flatten(2).transpose(1, 2).reshape(n, h * w, c))
                    x = self.conv(x.transpose(1, 2).reshape(n, c, h, w))
                    return self.fc(x.permute(0, 2, 3, 1).reshape(n, -1, c))
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 32, 40))
        """,
        ),
        Case(
            "attention for the sequence first",
            """
            import torch
            from torch import nn
            class Vision(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.attention = nn.MultiheadAttention(width, 2)
                def forward(self, x):
                    x = self.patches(x).flatten(2).permute(2, 0, 1)
                    return x + self.attention(x, x, x)[0]
            class Sentence(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.attention = nn.MultiheadAttention(width, 2)
                def forward(self, x):
                    return x + self.attention(x, x, x)[0]
            if __name__ == "__main__":
                Vision()(torch.randn(2, 3, 32, 40))
                Sentence()(torch.randn(2, 10, 24))
        """,
        ),
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
            yield self.noted(each, message, advice=f"give the code one value for each position, along axis {each.axis}")
        for moved in analysis.of_kind(ScrambledAxes):
            message = (
                f"{moved.maker} has its features at axis {moved.before} of {moved.given}, and {moved.taker} takes them "
                f"from axis {moved.after} of {moved.result}: this moves the sizes and not the values"
            )
            yield self.noted(moved, message, advice="transpose or permute the axes before the view")
        for fed in analysis.of_kind(AttentionOverBatch):
            message = (
                f"{fed.layer} takes the first axis of {fed.fed} for the sequence, and it is the batch: "
                "the samples attend to each other"
            )
            yield self.noted(fed, message, advice="build it with batch_first=True, or feed it the sequence first")
