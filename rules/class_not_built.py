"""RL003: a module class, or a script without one, that constructs no model."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Traits


class ClassNotBuilt(Rule):
    """What it does: reports a module class that could not be constructed: its constructor raises, or no values for its
    arguments could be inferred.

    Why is this bad: the class is not checked. One comment tells the linter how to construct it.

    Example:
        class Decoder(nn.Module):
            def __init__(self, plan): ...

    Use instead:
        # resnet-lint: call=Decoder([64, 128])
        class Decoder(nn.Module): ...
    """

    code = "RL003"
    name = "class-not-built"
    severity = "warning"
    traits = Traits(about="class")
    bad = (
        Case(
            "an argument whose value cannot be inferred",
            """
            class Decoder(nn.Module):  # <- RL003
                def __init__(self, plan):
                    super().__init__()
                    self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in plan.pairs())
                def forward(self, x):
                    return x
        """,
        ),
        Case(
            "a submodule whose name is not a string, with which parameters() fails too",
            """
            class Heads(nn.Module):  # <- RL003
                def __init__(self, heads=(1, 2)):
                    super().__init__()
                    for head in heads:
                        self.__setattr__(head, nn.Conv2d(8, head, 1))
                def forward(self, x):
                    return x
        """,
        ),
        Case(
            "a script that fails before its model",
            """
            def block(kind):
                raise ValueError(f"unknown kind {kind}")  # <- RL003
            net = nn.Sequential(block("plain"), nn.Linear(8, 8))
        """,
        ),
        Case(
            "a constructor that raises",
            """
            class Net(nn.Module):  # <- RL003
                def __init__(self):
                    super().__init__()
                    raise RuntimeError("no weights here")
                def forward(self, x):
                    return x
        """,
        ),
    )
    good = (
        Case(
            "an abstract class",
            """
            class Base(nn.Module):
                def __init__(self, plan):
                    super().__init__()
                def forward(self, x):
                    raise NotImplementedError
        """,
        ),
        Case(
            "arguments inferred from their names",
            """
            class Stem(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.conv = nn.Conv2d(in_channels, out_channels, 3)
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind == "build":
                fix = Fix(problem.help) if problem.help else None
                message = f"{problem.module} is not checked because it could not be constructed: {problem.reason}"
                if problem.module is None:
                    message = f"no model is checked because the script fails here: {problem.reason}"
                yield Finding(self.code, self.name, self.severity, message, problem.span, problem.module, fix=fix)
