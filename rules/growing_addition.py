"""RL201: an addition that broadcasts where a skip connection is meant."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import BothGrow, OneChannelShortcut
from resnet_lint.shared.records.findings import Finding


class GrowingAddition(Rule):
    """What it does: finds an addition of two activations with a common source where neither has the shape of the
    result, and a shortcut that a 1x1 convolution projects to a single channel beside a branch with more.

    Where one operand was given its dimension of size 1 on purpose (`unsqueeze`, `[:, None]`, `view`, `.T`,
    `keepdim=True`), as in an outer sum, it says nothing; nor where only one operand grows, as with gates, biases
    and position embeddings.

    Why is this bad: `(N,) + (N, 1)` gives `(N, N)`: each sample is added to every other one. Nothing fails, the
    loss broadcasts too, and the model learns an average. A projection to one channel fits every branch, so a wrong
    number of channels goes unnoticed.

    Example:
        last = x[:, -1]                   # (N,)
        return last + self.net(x)         # + (N, 1) gives (N, N)

    Use instead:
        last = x[:, -1:]                  # (N, 1)
        return last + self.net(x)
    """

    code = "RL201"
    name = "growing-addition"
    severity = "warning"
    bad = (
        Case(
            "a column and a vector",
            """
            import torch
            from torch import nn
            class Forecast(nn.Module):
                def __init__(self, window=24):
                    super().__init__()
                    self.net = nn.Sequential(nn.Linear(window, 32), nn.ReLU(), nn.Linear(32, 1))
                def forward(self, x):
                    last = x[:, -1]
                    return last + self.net(x)  # <- RL201
            if __name__ == "__main__":
                Forecast()(torch.randn(32, 24))
        """,
        ),
        Case(
            "the batch where the channels belong",
            """
            import torch
            from torch import nn
            class Stem(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(1, 4, 3, padding=1)
                def forward(self, x):
                    copies = torch.cat([x, x, x, x], 0)
                    return torch.relu(torch.add(self.conv(x), copies))  # <- RL201
            if __name__ == "__main__":
                Stem()(torch.randn(1, 1, 16, 16))
        """,
        ),
        Case(
            "a projection to one channel",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8, out=16):
                    super().__init__()
                    self.conv = nn.Conv2d(width, out, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, 1, 1)
                def forward(self, x):
                    return self.conv(x) + self.shortcut(x)  # <- RL201
        """,
        ),
    )
    good = (
        Case(
            "a map for all channels that is no shortcut",
            """
            import torch
            from torch import nn
            class Spatial(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.map = nn.Conv2d(width, 1, 1)
                    self.depth = nn.Conv2d(1, 1, 1)
                def forward(self, x):
                    x = self.conv(x) * torch.sigmoid(self.map(x))
                    return x + self.depth(x.mean(1, keepdim=True))
        """,
        ),
        Case(
            "an outer sum on purpose",
            """
            import torch
            from torch import nn
            class Attention(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.key, self.query = nn.Linear(8, 1), nn.Linear(8, 1)
                def forward(self, nodes):
                    return torch.softmax(self.query(nodes) + self.key(nodes).T, dim=1)
            if __name__ == "__main__":
                Attention()(torch.randn(20, 8))
        """,
        ),
        Case(
            "strips along both axes, each with a layer of its own",
            """
            import torch
            from torch import nn
            class Strips(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rows = nn.Conv2d(width, width, (3, 1), padding=(1, 0))
                    self.columns = nn.Sequential(nn.AdaptiveAvgPool2d((1, None)), nn.Conv2d(width, width, 1))
                def forward(self, x):
                    rows = self.rows(x.mean(dim=3, keepdim=True))
                    return x * torch.sigmoid(rows + self.columns(x))
        """,
        ),
        Case(
            "a context for every channel",
            """
            import torch
            from torch import nn
            class Context(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 8, 1)
                def forward(self, x):
                    return x + self.conv(x.mean((2, 3), keepdim=True))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(BothGrow):
            first, second = each.shapes
            message = (
                f"both operands grow: {first} + {second} gives {each.result}, so each value of one is added to every "
                "value of the other"
            )
            yield self.noted(each, message, advice="give both operands the same shape first")
        for flat in analysis.of_kind(OneChannelShortcut):
            branch, shortcut = flat.shapes
            message = (
                f"the shortcut ({flat.layer}) has one channel, {shortcut}, and the residual branch {branch[1]}, "
                f"{branch}: the same map is added to each of them"
            )
            yield self.noted(flat, message, advice=f"project the shortcut to {branch[1]} channels")
