"""RL501: an ignore comment that suppresses nothing."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class CommentUnused(Rule):
    """What it does: reports a comment `# resnet-lint: ignore`, or one of its codes, that suppresses no finding.

    A comment is reported only if the class around it was checked, and only for rules that are selected.

    Why is this bad: the mistake that it suppressed is fixed or has moved. Left in place, it suppresses the next one.

    Example:
        return x + y  # resnet-lint: ignore[RL101]

    Use instead:
        return x + y
    """

    code = "RL501"
    name = "comment-unused"
    severity = "warning"
    bad = (
        Case(
            "the addition works",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 8, 1)
                def forward(self, x):
                    return x + self.conv(x)  # resnet-lint: ignore[RL101]  # <- RL501
        """,
        ),
        Case(
            "one of two codes",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 16, 1)
                def forward(self, x):
                    return x + self.conv(x)  # resnet-lint: ignore[RL101, RL3]  # <- RL501
        """,
        ),
    )
    good = (
        Case(
            "a finding is suppressed",
            """
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 16, 1)
                def forward(self, x):
                    return x + self.conv(x)  # resnet-lint: ignore[RL101]  # kept for old weights
        """,
        ),
        Case(
            "the class is not checked",
            """
            class Block(nn.Module):
                def __init__(self, plan):
                    super().__init__()
                    self.conv = nn.Conv2d(*plan.sizes(), 1)
                def forward(self, x):
                    return x + self.conv(x)  # resnet-lint: ignore
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind == "unused ignore":
                yield Finding(self.code, self.name, self.severity, problem.reason, problem.span)
