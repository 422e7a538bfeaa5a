"""RL209: a skip connection that is added twice."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits, behind_plain_calls, name_of, operands_of


class AddedTwice(Rule):
    """What it does: finds an addition of a tensor that the same block has already added, with no layer in between.

    Why is this bad: the block computes `f(x) + 2x`. The signal doubles at every such block and explodes with depth.

    Example:
        if self.shortcut:
            x = x + residual
        return x + residual

    Use instead:
        if self.shortcut:
            x = x + residual
        return x
    """

    code = "RL209"
    name = "added-twice"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "once under a flag, once at the end",
            """
            class Block(nn.Module):
                def __init__(self, width=8, shortcut=True):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = shortcut
                def forward(self, x):
                    residual = x
                    x = self.conv(x)
                    if self.shortcut:
                        x = x + residual
                    return x + residual  # <- RL209
        """,
        ),
        Case(
            "with a ReLU in between",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    out = self.fc(x)
                    out += x
                    out = torch.relu(out)
                    return out + x  # <- RL209
        """,
        ),
    )
    good = (
        Case(
            "a layer in between",
            """
            class Dense(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
                def forward(self, x):
                    out = self.first(x) + x
                    return self.second(out) + x
        """,
        ),
        Case(
            "a block inside a block",
            """
            class Inner(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    return x + self.fc(x)
            class Outer(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.inner = Inner(width)
                def forward(self, x):
                    return x + self.inner(x)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for addition in model.additions:
                for again, total in addition.both_ways:
                    first = behind_plain_calls(total)
                    has_it = again is not total and first.kind == "addition" and again in (operands_of(first) or ())
                    if has_it and first.point is not None and model.block_of(first) is addition.block:
                        message = (
                            f"{name_of(again, addition.block)} is added twice: line "
                            f"{first.point.span.start.line} already adds it, with no layer in between"
                        )
                        yield self.at(addition.where, message, advice="remove one of the two additions")
