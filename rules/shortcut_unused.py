"""RL206: a shortcut or projection that is never used."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits, unused_in


class ShortcutUnused(Rule):
    """What it does: finds a module with a name such as `shortcut`, `downsample` or `proj` that a constructor
    creates, no forward calls, no gradient reaches and no other line of the file mentions.

    Modules that some line reads, for instance under a flag, are not reported.

    Why is this bad: the block was meant to project its shortcut, but adds its plain input, or nothing. The
    parameters are saved and moved, but never trained.

    Example:
        self.shortcut = nn.Conv2d(64, 64, 1)
        return x + self.conv(x)

    Use instead:
        self.shortcut = nn.Conv2d(64, 64, 1)
        return self.shortcut(x) + self.conv(x)

    Fix safety: Unsafe: the block computes different values. Available if the block adds its plain input.
    """

    code = "RL206"
    name = "shortcut-unused"
    severity = "warning"
    fixable = True
    traits = Traits(silent=True)
    bad = (
        Case(
            "the plain input is added",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)  # <- RL206
                def forward(self, x):
                    return self.conv(x) + x
        """,
        ),
        Case(
            "in every block of a model",
            """
            class Block(nn.Module):
                def __init__(self, width):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                    self.skip_proj = nn.Sequential(  # <- RL206
                        nn.Linear(width, width),  # <- RL206
                        nn.LayerNorm(width),  # <- RL206
                    )  # <- RL206
                def forward(self, x):
                    return self.body(x)
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.blocks = nn.Sequential(Block(width), Block(width))
                def forward(self, x):
                    return self.blocks(x)
        """,
        ),
    )
    good = (
        Case(
            "used under a flag, or by another module",
            """
            class Block(nn.Module):
                def __init__(self, width=8, project=False):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                    self.project = project
                def forward(self, x):
                    return self.conv(x) + (self.shortcut(x) if self.project else x)
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.block = Block(width)
                    self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
                def forward(self, x):
                    x = self.block(x).flatten(2).transpose(1, 2)
                    return self.attention(x, x, x)[0]
        """,
        ),
        Case(
            "no parameters",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Identity()
                def forward(self, x):
                    return self.conv(x) + x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for unused in unused_in(analysis.models):
            if unused.is_shortcut:
                message = (
                    f"self.{unused.attribute} is never used: {unused.where.module}.forward does not read it, and no "
                    "gradient reaches it"
                )
                advice = "pass the block's input through it, or remove it"
                yield self.at(unused.where, message, advice=advice, fix_plan=unused.fix_plan)
