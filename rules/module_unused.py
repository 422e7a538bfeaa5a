"""RL403: a module with parameters, or a parameter, that is never used."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, unused_in


class ModuleUnused(Rule):
    """What it does: finds a module that a constructor creates, no forward calls, no gradient reaches in training or
    evaluation mode, and no other line of the file mentions; and a bare nn.Parameter that no forward reads and no other
    line mentions. Unused shortcuts are reported by RL206.

    Why is this bad: its parameters are saved and counted, but never trained; DistributedDataParallel raises an error
    for them, unless find_unused_parameters=True. `resnet-lint trace --gradients` lists all parameters for which this
    is so. Often a line of the forward is missing.

    Example:
        self.norm = nn.BatchNorm2d(64)
        return torch.relu(self.conv(x))

    Use instead:
        self.norm = nn.BatchNorm2d(64)
        return torch.relu(self.norm(self.conv(x)))
    """

    code = "RL403"
    name = "module-unused"
    severity = "warning"
    bad = (
        Case(
            "a forgotten normalization",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.norm = nn.BatchNorm2d(width)  # <- RL403
                def forward(self, x):
                    return x + torch.relu(self.conv(x))
        """,
        ),
        Case(
            "the first layer is called twice",
            """
            class Mlp(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc1 = nn.Linear(width, width)
                    self.fc2 = nn.Linear(width, width)  # <- RL403
                def forward(self, x):
                    return self.fc1(self.fc1(x).relu())
        """,
        ),
        Case(
            "a scale that is never applied",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.gamma = nn.Parameter(torch.zeros(width, 1, 1))  # <- RL403
                    nn.init.ones_(self.gamma)
                def forward(self, x):
                    return x + self.conv(x)
        """,
        ),
    )
    good = (
        Case(
            "parameters under a flag, shared, or kept in a list",
            """
            class Scale(nn.Module):
                def __init__(self, gamma):
                    super().__init__()
                    self.weight = gamma
                def forward(self, x):
                    return x * self.weight
            class Block(nn.Module):
                def __init__(self, width=8, scaled=False):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.gamma = nn.Parameter(torch.zeros(width, 1, 1))
                    self.own = nn.Parameter(torch.zeros(width, 1, 1))
                    self.scale = Scale(self.own)
                    self.frozen = nn.Parameter(torch.zeros(width), requires_grad=False)
                    self.scaled = scaled
                def forward(self, x):
                    out = self.scale(self.conv(x))
                    return x + (out * self.gamma if self.scaled else out)
        """,
        ),
        Case(
            "an auxiliary head in training only",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.aux = nn.Linear(width, 2)
                def forward(self, x):
                    x = self.fc(x)
                    return (x, self.aux(x)) if self.training else x
        """,
        ),
        Case(
            "called through children()",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc1 = nn.Linear(width, width)
                    self.fc2 = nn.Linear(width, width)
                def forward(self, x):
                    for layer in self.children():
                        x = layer(x)
                    return x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for unused in unused_in(analysis.models):
            if not unused.is_shortcut:
                message = (
                    f"self.{unused.attribute} is never used: {unused.where.module}.forward does not read it, and no "
                    "gradient reaches it in training or evaluation mode, so DistributedDataParallel needs "
                    "find_unused_parameters=True"
                )
                advice = "use it in forward, or remove it"
                yield self.at(unused.where, message, advice=advice, fix_plan=unused.fix_plan)
