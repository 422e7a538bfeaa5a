"""RL502: a comment for the tool that it cannot follow."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule


class CommentWrong(Rule):
    """What it does: names a comment `# resnet-lint: ...` that is misspelt, stands in the wrong place, or gives a code
    that no rule has.

    Why is this bad: the comment does nothing, though somebody relies on it.

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
            "a word that is misspelt",
            """
            from torch import nn
            class Block(nn.Module):
                def forward(self, x):
                    return x + x  # resnet-lint: ingore[RL101]  # <- RL502
        """,
        ),
        Case(
            "a code that no rule has",
            """
            from torch import nn
            class Block(nn.Module):
                def forward(self, x):
                    return x + x  # resnet-lint: ignore[RL1O1]  # <- RL502
        """,
        ),
        Case(
            "a call that is none",
            """
            from torch import nn
            # resnet-lint: call=Block  # <- RL502
            class Block(nn.Module):
                def forward(self, x):
                    return x + x
        """,
        ),
        Case(
            "a call that belongs to no class",
            """
            from torch import nn
            class Block(nn.Module):
                def forward(self, x):
                    return x + x  # resnet-lint: call=Block()  # <- RL502
        """,
        ),
    )
    good = (
        Case(
            "a class that says how it is built",
            """
            from torch import nn
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
            from torch import nn
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
