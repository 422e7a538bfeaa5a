"""RL001: a file that is not valid Python."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class UnreadableFile(Rule):
    """What it does: reports a file that cannot be read as Python: a syntax error, an invalid encoding, missing
    permissions.

    Why is this bad: nothing in such a file can be checked, and skipping it silently would look as if it were correct.

    Example:
        class Block(nn.Module)
            pass

    Use instead:
        class Block(nn.Module):
            pass
    """

    code = "RL001"
    name = "unreadable-file"
    traits = Traits(about="file")
    bad = (
        Case("a missing colon", "import torch.nn as nn\nclass Block(nn.Module)  # <- RL001\n    pass\n"),
        Case("an unclosed bracket", "from torch import nn\nlayer = nn.Conv2d(3, 64,  # <- RL001\n"),
    )
    good = (Case("an empty file", ""), Case("only a comment", "# nothing here yet\n"))

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind == "unreadable":
                yield Finding(self.code, self.name, self.severity, problem.reason, problem.span)
