"""RL402: one module at several places of a model by accident."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import SharedByAccident
from resnet_lint.shared.records.findings import Finding


class ModuleShared(Rule):
    """What it does: finds a list that was multiplied, `[block] * n`, in an nn.Sequential or nn.ModuleList; and a batch
    normalisation that one forward applies behind two different layers.

    Weights that are shared in other ways, such as by name or in a loop, are taken as meant.

    Why is this bad: `[block] * n` is one block n times. The layers share their weights, so the model is as deep as
    it looks and has an n-th of the parameters. A shared batch normalisation mixes the statistics of two layers.

    Example:
        self.layers = nn.Sequential(*[Block(64)] * 4)

    Use instead:
        self.layers = nn.Sequential(*[Block(64) for _ in range(4)])
    """

    code = "RL402"
    name = "module-shared-by-accident"
    severity = "warning"
    bad = (
        Case(
            "a list that was multiplied",
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8, depth=3):
                    super().__init__()
                    self.layers = nn.Sequential(*[nn.Linear(width, width)] * depth)  # <- RL402
                def forward(self, x):
                    return self.layers(x)
        """,
        ),
        Case(
            "one normalisation behind two layers",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv1 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv2 = nn.Conv2d(width, width, 3, padding=1)
                    self.bn = nn.BatchNorm2d(width)
                def forward(self, x):
                    out = torch.relu(self.bn(self.conv1(x)))
                    out = self.bn(self.conv2(out))  # <- RL402
                    return out + x
        """,
        ),
    )
    good = (
        Case(
            "a step that is repeated, layers without weights",
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.step = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
                    self.tail = nn.Sequential(*[nn.ReLU()] * 2)
                def forward(self, x):
                    for _ in range(3):
                        x = x + self.step(x)
                    return self.tail(x)
        """,
        ),
        Case(
            "one head for every level",
            """
            from torch import nn
            class Heads(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    head = nn.Linear(width, 2)
                    self.heads = nn.ModuleList([head for _ in range(3)])
                def forward(self, x):
                    return [head(x) for head in self.heads]
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(SharedByAccident):
            if each.first is None:
                message = (
                    f"this {each.layer} stands {each.copies} times in the model, since its list is multiplied: all "
                    "copies share their weights"
                )
                advice = "build each by itself, in a list comprehension"
            else:
                message = (
                    f"{each.layer} has normalised another layer's output on line {each.first}: one batch "
                    "normalisation keeps one set of statistics"
                )
                advice = "build a second normalisation"
            yield self.noted(each, message, advice=advice)
