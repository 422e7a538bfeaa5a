"""RL207: a result that is computed and thrown away."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import Discarded
from resnet_lint.shared.records.findings import Finding


class ResultDiscarded(Rule):
    """What it does: finds a result that nothing reads: a call out of place as a statement, or a variable that gets a
    new value before anything has read the old one.

    Why is this bad: `x.add(y)` leaves x as it was, and `out = self.drop(x)` after `out = out + x` loses the sum.
    The layers behind a lost result get no gradient. Nothing fails.

    Example:
        out = out + self.shortcut(x)
        out = self.drop(x)

    Use instead:
        out = out + self.shortcut(x)
        out = self.drop(out)

    Fix safety: Unsafe: the model gives other values once the result counts.
    """

    code = "RL207"
    name = "result-discarded"
    severity = "warning"
    fixable = True
    bad = (
        Case(
            "an addition that is no statement",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = self.conv(x)
                    out.add(x)  # <- RL207
                    return torch.relu(out)
        """,
        ),
        Case(
            "overwritten at once",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                    self.drop = nn.Dropout(0.1)
                def forward(self, x):
                    out = self.conv(x)
                    if self.shortcut is not None:
                        out = out + self.shortcut(x)
                        out = self.drop(x)  # <- RL207
                    return out
        """,
        ),
        Case(
            "the first layer's result is lost",
            """
            import torch
            from torch import nn
            class Unit(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return torch.relu(self.conv(x))
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.first, self.second = Unit(width), Unit(width)
                def forward(self, x):
                    out = self.first(x)
                    out = self.second(x)  # <- RL207
                    return out + x
        """,
        ),
    )
    good = (
        Case(
            "in place, and a loop that starts with a default",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])
                    self.relu = nn.ReLU(inplace=True)
                def forward(self, x):
                    out = x * 1.0
                    if len(self.convs) > 1:
                        out = self.convs[0](x)
                    out.add_(x)
                    self.relu(out)
                    _ = self.convs[1](out)
                    _ = self.convs[1](out)
                    return out
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(Discarded):
            if each.overwrites is None:
                message = f"nothing reads the result of {each.expression}, and it changes nothing in place"
            else:
                line, variable = each.overwrites
                message = (
                    f"this overwrites {variable}, and nothing has read what line {line} computed for it "
                    f"({each.expression})"
                )
            yield self.noted(each, message)
