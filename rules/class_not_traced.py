"""RL004: a module class whose forward pass could not be traced to its end."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Traits


class ClassNotTraced(Rule):
    """What it does: reports a module class that was constructed, but whose forward pass ended early with every input
    that was tried.

    Why is this bad: the class is not checked. One comment tells the linter which inputs it takes.

    Example:
        def forward(self, graph):
            return self.layer(graph.nodes)

    Use instead:
        # resnet-lint: input=x=2x3x64x64
        class Net(nn.Module): ...
    """

    code = "RL004"
    name = "class-not-traced"
    severity = "warning"
    traits = Traits(about="class")
    bad = (
        Case(
            "an input that is not a tensor, but the path of a file",
            """
            class Net(nn.Module):  # <- RL004
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8)
                def forward(self, path):
                    with open(path) as file:
                        return self.fc(file)
        """,
        ),
        Case(
            "control flow that depends on values",
            """
            class Net(nn.Module):  # <- RL004
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8)
                def forward(self, x):
                    if x.sum() > 0:
                        x = self.fc(x)
                    return x
        """,
        ),
    )
    good = (
        Case(
            "control flow that depends on shapes",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, 3)
                def forward(self, x):
                    if x.shape[-1] % 2:
                        x = x[..., 1:]
                    return self.conv(x)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind == "trace":
                fix = Fix(problem.help) if problem.help else None
                message = (
                    f"{problem.module} is not checked because its forward pass could not be traced: {problem.reason}"
                )
                yield Finding(self.code, self.name, self.severity, message, problem.span, problem.module, fix=fix)
