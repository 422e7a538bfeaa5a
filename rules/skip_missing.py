"""RL208: a residual block without its skip connection."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Case, Rule
from resnet_lint.shared.evidence import Analysis
from resnet_lint.shared.observed import IdentityUnread, PlainChain
from resnet_lint.shared.records.findings import Finding


class SkipMissing(Rule):
    """What it does: finds a forward that saves its input as `identity`, `residual`, `shortcut` and the like, never
    reads that variable, and adds its input nowhere. And a class named after a residual block (`ResBlock`,
    `ResidualUnit`) that keeps the shape of its input and is a plain chain of layers, where no line of the class and
    nothing in the trace joins anything.

    Why is this bad: the skip connection was lost, in an edit or a merge. Nothing fails; the block trains like a
    plain one.

    Example:
        identity = x
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out)

    Use instead:
        identity = x
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out + identity)
    """

    code = "RL208"
    name = "skip-missing"
    severity = "warning"
    bad = (
        Case(
            "saved and forgotten",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x  # <- RL208
                    x = self.conv(x)
                    return torch.relu(x)
        """,
        ),
        Case(
            "projected on both ways and forgotten",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8, project=False):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.proj = nn.Conv2d(width, width, 1) if project else None
                    self.norm = nn.BatchNorm2d(width)
                def forward(self, x):
                    if self.proj is not None:
                        shortcut = self.proj(x)
                        shortcut = self.norm(shortcut)  # <- RL208
                    else:
                        shortcut = x
                    return self.norm(self.conv(x))
        """,
        ),
        Case(
            "the class says what is missing",
            """
            from torch import nn
            class ResBlock(nn.Module):
                def __init__(self, width=8, downsample=None):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                def forward(self, x):
                    before = x  # <- RL208
                    x = self.body(x)
                    return x
        """,
        ),
        Case(
            "forgotten behind a loop",
            """
            from torch import nn
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
                def forward(self, x):
                    identity = x  # <- RL208
                    for layer in self.layers:
                        x = layer(x)
                    return x
        """,
        ),
        Case(
            "a residual block in name only",
            """
            import torch
            from torch import nn
            class ResidualBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv1 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv2 = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.conv1(x))
                    return self.conv2(out)  # <- RL208
        """,
        ),
    )
    good = (
        Case(
            "each step of a loop keeps its own",
            """
            from torch import nn
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
                def forward(self, x):
                    identity = x
                    for layer in self.layers:
                        x = layer(x) * identity.mean()
                        identity = x
                    return x
        """,
        ),
        Case(
            "others close the skip connection, or the name means something else",
            """
            import torch
            from torch import nn
            class Add(nn.Module):
                def __init__(self, body):
                    super().__init__()
                    self.body = body
                def forward(self, x):
                    return x + self.body(x)
            class ResBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                    self.body = Add(layers)
                def forward(self, x):
                    return self.body(x)
            class ResidualUnit(nn.Module):
                def __init__(self, width=8, skip=False):
                    super().__init__()
                    self.first, self.second, self.skip = nn.Linear(width, width), nn.Linear(width, width), skip
                def forward(self, x):
                    out = self.second(self.first(x))
                    return out + x if self.skip else out
            class ResampleBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
                def forward(self, x):
                    return self.second(self.first(x))
            class ResidualPath(ResampleBlock):
                pass
            if __name__ == "__main__":
                x = torch.randn(2, 8)
                ResBlock()(x), ResidualUnit()(x), ResampleBlock()(x), ResidualPath()(x)
        """,
        ),
        Case(
            "what is kept is no tensor",
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    orig_size = x.shape
                    return self.conv(x)
        """,
        ),
        Case(
            "the input is added under its own name",
            """
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x
                    return x + self.conv(x)
        """,
        ),
        Case(
            "read on another path",
            """
            from torch import nn
            class ResBlock(nn.Module):
                def __init__(self, width=8, stride=2):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, stride, 1)
                    self.use_skip = stride == 1
                def forward(self, x):
                    identity = x
                    x = self.conv(x)
                    if self.use_skip:
                        x = x + identity
                    return x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for each in analysis.of_kind(IdentityUnread):
            message = (
                f"{each.variable} is stored here and never read, and {each.module} adds its input nowhere: "
                "its skip connection is missing"
            )
            yield self.noted(each, message, advice=f"add {each.variable} where the block ends")
        told = {each.module for each in analysis.of_kind(IdentityUnread)}
        for chain in analysis.of_kind(PlainChain):
            if chain.module not in told:
                message = (
                    f"{chain.module} is a chain of {chain.layers} layers that keeps the shape of its input, and "
                    "nothing goes around them: its skip connection is missing"
                )
                yield self.noted(chain, message, advice="add the block's input where it ends, or rename the class")
