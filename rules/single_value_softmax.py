"""RL309: a softmax or standard deviation along an axis of size 1."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits, name_of, single_values, with_new_classes


class SingleValueSoftmax(Rule):
    """What it does: finds a softmax along an axis that has size 1 for every input, because a layer has a single output,
    the axis has been pooled, or it was just added: a classifier with one output, or attention scores that are
    normalized along the axis of the scores and not along the sequence. The same for a standard deviation and an argmax.

    A sequence of one token, and a single head or expert, are not reported.

    Why is this bad: the softmax of a single value is 1, whatever the value, and its standard deviation is NaN. The
    layers before it have no effect on the result, and get no gradient.

    Example:
        scores = self.score(torch.tanh(x))                # (batch, steps, 1)
        return (x * torch.softmax(scores, dim=-1)).sum(1)

    Use instead:
        scores = self.score(torch.tanh(x))
        return (x * torch.softmax(scores, dim=1)).sum(1)
    """

    code = "RL309"
    name = "single-value-softmax"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "the scores of a sequence, along the axis of the only score",
            """
            class Pooling(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.score = nn.Sequential(nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, 1))
                def forward(self, x):
                    weights = torch.softmax(self.score(x), dim=-1)  # <- RL309
                    return (x * weights).sum(1)
            if __name__ == "__main__":
                Pooling()(torch.randn(2, 9, 16))
        """,
        ),
        Case(
            "a classifier with a single output",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 1)
                    self.softmax = nn.Softmax(dim=1)
                def forward(self, x):
                    x = torch.relu(self.conv(x)).mean((2, 3))
                    return self.softmax(self.fc(x))  # <- RL309
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 9, 9))
        """,
        ),
        Case(
            "the weights of branches, along a pooled axis",
            """
            class Selective(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.small = nn.Conv2d(width, width, 3, padding=1)
                    self.large = nn.Conv2d(width, width, 5, padding=2)
                    self.select = nn.Conv2d(width, 2, 1)
                def forward(self, x):
                    both = torch.stack([self.small(x), self.large(x)], dim=1)
                    pooled = both.sum(1).mean((2, 3), keepdim=True)
                    weights = torch.softmax(self.select(pooled), dim=2)  # <- RL309
                    return (both * weights[:, :, None]).sum(1)
            if __name__ == "__main__":
                Selective()(torch.randn(2, 8, 9, 7))
        """,
        ),
        Case(
            "the statistics of channels that were averaged, and weights along an axis that a view adds",
            """
            class Normalized(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv1d(2, width, 5)
                def forward(self, x):
                    mono = x.mean(dim=1, keepdim=True)
                    std = mono.std(dim=1, keepdim=True)  # <- RL309
                    return self.conv(x / (1e-3 + std))
            class Fusion(nn.Module):
                def __init__(self, width=8, scales=2):
                    super().__init__()
                    self.width, self.scales, self.fc = width, scales, nn.Linear(width, width * scales)
                def forward(self, x, y):
                    both = torch.stack([x, y], 1)
                    weights = self.fc((x + y).mean((2, 3))).view(len(x), self.scales, self.width, 1, 1)
                    return (both * weights.softmax(dim=3)).sum(1)  # <- RL309
            if __name__ == "__main__":
                Normalized()(torch.randn(4, 2, 90))
                Fusion()(torch.randn(4, 8, 9, 7), torch.randn(4, 8, 9, 7))
        """,
        ),
    )
    good = (
        Case(
            "along the steps and the branches; one head or group, a sequence of one token, a channel of the input",
            """
            class Pooling(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.score = nn.Linear(width, 1)
                def forward(self, x):
                    return (x * torch.softmax(self.score(x), dim=1)).sum(1)
            class Attention(nn.Module):
                def __init__(self, width=16, heads=1):
                    super().__init__()
                    self.heads, self.qkv = heads, nn.Linear(width, 3 * width)
                def forward(self, x):
                    n, t, c = x.shape
                    q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
                    return torch.softmax(q @ k.transpose(2, 3), -1) @ v
            class Mixture(nn.Module):
                def __init__(self, width=16, experts=2):
                    super().__init__()
                    self.gate = nn.Linear(width, experts)
                def forward(self, x):
                    return torch.softmax(self.gate(x.mean(1, keepdim=True)), dim=-1)
            class Split(nn.Module):
                def __init__(self, width=16, groups=1):
                    super().__init__()
                    self.groups, self.fc = groups, nn.Linear(width, width)
                def forward(self, x):
                    weights = self.fc(x.mean((2, 3))).view(len(x), self.groups, -1, 1, 1).softmax(1)
                    mono = x.mean(1, keepdim=True)
                    return x * weights.flatten(1, 2) / mono.std((1, 2, 3), keepdim=True)
            if __name__ == "__main__":
                Split()(torch.randn(2, 16, 9, 7))
                Pooling()(torch.randn(2, 1, 16)), Pooling()(torch.randn(2, 9, 16))
                Attention()(torch.randn(2, 1, 16)), Attention()(torch.randn(2, 9, 16))
                Mixture()(torch.randn(2, 9, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in with_new_classes(analysis.models):
            for part in model.with_inner if model.sizes_stated else ():
                for found in single_values(part.nodes, part.axes) if part.axes is not None else ():
                    maker = name_of(found.maker, part.block_of(found.node))
                    message = (
                        f"{found.node.function} along axis {found.dim} of {found.node.inputs[0]}, whose only value "
                        f"comes from {maker}: every result is {found.outcome}"
                    )
                    advice = "normalize along the axis of the values to compare; for a single output, use sigmoid"
                    if found.outcome == "NaN":
                        advice = "take the statistics along the axis of the values"
                    yield self.at(part.where_of(found.node), message, advice=advice)
