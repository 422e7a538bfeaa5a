"""RL502: an invalid resnet-lint comment."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class CommentWrong(Rule):
    """What it does: reports a comment `# resnet-lint: ...` that is misspelled, in the wrong place, or names an
    unknown rule.

    Why is this bad: the comment has no effect, although somebody relies on it.

    Example:
        return x + y  # resnet-lint: ingore[RL101]

    Use instead:
        return x + y  # resnet-lint: ignore[RL101]
    """

    code = "RL502"
    name = "comment-wrong"
    severity = "warning"
    bad = (
        Case(
            "a misspelled keyword",
            """
            class Block(nn.Module):
                def forward(self, x):
                    return x + x  # resnet-lint: ingore[RL101]  # <- RL502
        """,
        ),
        Case(
            "an unknown rule code",
            """
            class Block(nn.Module):
                def forward(self, x):
                    return x + x  # resnet-lint: ignore[RL1O1]  # <- RL502
        """,
        ),
        Case(
            "call= without a call",
            """
            # resnet-lint: call=Block  # <- RL502
            class Block(nn.Module):
                def forward(self, x):
                    return x + x
        """,
        ),
        Case(
            "call= outside a class header",
            """
            class Block(nn.Module):
                def forward(self, x):
                    return x + x  # resnet-lint: call=Block()  # <- RL502
        """,
        ),
    )
    good = (
        Case(
            "a class with its constructor call and input",
            """
            # resnet-lint: call=Block(8, 8) input=x=2x8x4x4
            class Block(nn.Module):
                def __init__(self, a, b):
                    super().__init__()
                    self.conv = nn.Conv2d(a, b, 1)
                def forward(self, x):
                    return x + self.conv(x)
        """,
        ),
        Case(
            "a string that looks like a comment",
            """
            HINT = "# resnet-lint: ingore[RL101]"
            class Block(nn.Module):
                def forward(self, x):
                    return x + x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind == "comment":
                yield Finding(self.code, self.name, self.severity, problem.reason, problem.span)
