"""RL304: a call that works for one batch size only."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import BatchTrap as Observed
from resnet_lint.shared.records.findings import Finding


class BatchTrap(Rule):
    """What it does: finds a `squeeze()` that also drops a batch of one, a `view` with the batch size written in, and a
    concatenation along the batch where channels are meant. It traces the model with a second batch size, and speaks
    where that fails or gives another kind of result.

    Why is this bad: the last batch of an epoch, or the single image in production, is the first to show it.

    Example:
        x = self.pool(x).squeeze()

    Use instead:
        x = self.pool(x).flatten(1)

    Fix safety: Safe: `flatten(1)` gives the same for every batch that worked, and is offered for nothing else.
    """

    code = "RL304"
    name = "batch-trap"
    severity = "warning"
    fixable = True
    bad = (
        Case(
            "a batch of one is squeezed away",
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3)
                    self.pool = nn.AdaptiveAvgPool2d(1)
                def forward(self, x):
                    return self.pool(self.conv(x)).squeeze()  # <- RL304
        """,
        ),
        Case(
            "the batch size is written in",
            """
            import torch
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                    self.fc = nn.Linear(width * 16, 2)
                def forward(self, x):
                    x = self.conv(x)
                    x = x.view(16, -1)  # <- RL304
                    return self.fc(x)
            if __name__ == "__main__":
                Net()(torch.randn(16, 3, 4, 4))
        """,
        ),
        Case(
            "samples are stacked where channels are meant",
            """
            import torch
            from torch import nn
            class Stem(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(1, 4, 3, padding=1)
                def forward(self, x):
                    copies = torch.cat([x, x, x, x], 0)  # <- RL304
                    return torch.relu(self.conv(x) + copies)
            if __name__ == "__main__":
                Stem()(torch.randn(1, 1, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "the batch is kept",
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3)
                    self.pool = nn.AdaptiveAvgPool2d(1)
                def forward(self, x):
                    x = self.pool(self.conv(x)).squeeze(-1).squeeze(-1)
                    return x.view(x.size(0), -1)
        """,
        ),
        Case(
            "two views of an image in one batch",
            """
            import torch
            from torch import nn
            class Pairs(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                def forward(self, x):
                    both = self.conv(torch.cat([x, x.flip(-1)], 0))
                    first, second = both.chunk(2, 0)
                    return first + second
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        failing = {failure.span for failure in analysis.failures}
        for each in analysis.of_kind(Observed):
            what, advice = {
                "squeeze": ("squeeze() drops the batch too", "name the dimensions to drop"),
                "view": ("the batch size is written into this view", "take the batch from the tensor: x.size(0)"),
                "concatenation": ("dimension 0 is the batch, so this stacks samples", "concatenate along dimension 1"),
            }[each.call]
            gives = f"it gives {each.result}, and " if each.result is not None else ""
            message = f"{what}: with a batch of {each.batch} {gives}{each.consequence}"
            if each.span not in failing:  # the file itself runs into it
                yield self.noted(each, message, advice=advice)
