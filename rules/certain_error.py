"""RL404: a line that raises for any arguments and inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Traits

_OPENINGS: Mapping[str, str] = {
    "error": "this always fails: ",
    "call": "this fails in a call in this file: ",
    "misspelled": "",
}


class CertainError(Rule):
    """What it does: finds a line of a constructor, a forward method or the script itself that raises for any arguments:
    an undefined name, an unexpected keyword argument, a layer assigned before `super().__init__()`, a misspelled
    `forward`. Other errors are reported if a call in the file itself raises them, and again when it is repeated with
    real values: a layer that is None, a variable without a value.

    Why is this bad: the model cannot be constructed or called at all.

    Example:
        def foward(self, x):
            return self.conv(x)

    Use instead:
        def forward(self, x):
            return self.conv(x)
    """

    code = "RL404"
    name = "certain-error"
    traits = Traits(about="class")
    bad = (
        Case(
            "an undefined name",
            """
            class Net(nn.Module):
                def __init__(self, width):
                    super().__init__()
                    self.conv = nn.Conv2d(3, widht, 3)  # <- RL404
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
        Case(
            "an unexpected keyword argument",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, kernel=3)  # <- RL404
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
        Case(
            "no super().__init__()",
            """
            class Net(nn.Module):
                def __init__(self):
                    self.conv = nn.Conv2d(3, 8, 3)  # <- RL404
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
        Case(
            "a misspelled forward",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, 3)
                def foward(self, x):  # <- RL404
                    return self.conv(x)
        """,
        ),
        Case(
            "an undefined name in a forward that the script runs",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, 3)
                def forward(self, x):
                    if x.shape[1] == 3:
                        x = functional.relu(x)  # <- RL404
                    return self.conv(x)
            Net()(torch.zeros(1, 3, 8, 8))
        """,
        ),
        Case(
            "a layer that is None for the arguments of the script",
            """
            class Net(nn.Module):
                def __init__(self, width, stride):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, stride, 1)
                    self.down = nn.Conv2d(3, width, 1, stride) if stride > 1 else None
                def forward(self, x):
                    return self.conv(x) + self.down(x)  # <- RL404
            Net(8, stride=1)(torch.zeros(1, 3, 8, 8))
        """,
        ),
    )
    good = (
        Case(
            "a layer that another method constructs from data",
            """
            import numpy, torch
            from torch import nn
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.head = None
                def fit(self, data):
                    self.head = nn.Linear(data.shape[1], 10)
                def forward(self, x):
                    return self.head(x)
            net = Net()
            net.fit(numpy.load("data.npy"))
            net(torch.zeros(2, 8))
        """,
        ),
        Case(
            "a name defined in the main block",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, args.width, 3)
                def forward(self, x):
                    return self.conv(x)
            if __name__ == "__main__":
                import argparse
                parser = argparse.ArgumentParser()
                parser.add_argument("--width", type=int, default=8)
                args = parser.parse_args()
        """,
        ),
        Case(
            "a variable that is set in training mode",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 10)
                def forward(self, x, y=None):
                    if self.training and y is not None:
                        target = nn.functional.one_hot(y, 10)
                    out = self.fc(x)
                    return out if y is None else -(target * out.log_softmax(1)).sum(1).mean()
            if __name__ == "__main__":
                Net()(torch.randn(4, 8), torch.randint(0, 10, (4,)))
        """,
        ),
        Case(
            "a base class whose subclass defines forward",
            """
            class Base(nn.Module):
                def forwards(self, x):
                    return self(self(x))
            class Net(Base):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, 3)
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
        Case(
            "a branch that depends on an argument",
            """
            class Net(nn.Module):
                def __init__(self, fast=True, norm=nn.BatchNorm2d):
                    super().__init__()
                    self.norm = norm(3)
                    if not fast:
                        self.slow = SlowLayer()
                    try:
                        self.extra = FusedLayer()
                    except NameError:
                        self.extra = nn.Identity()
                def forward(self, x):
                    return self.extra(self.norm(x))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        """Yield one finding per such line."""
        for problem in analysis.problems:
            if problem.kind in _OPENINGS:
                message = f"{_OPENINGS[problem.kind]}{problem.reason}"
                fix = Fix(problem.help) if problem.help else None
                yield Finding(self.code, self.name, self.severity, message, problem.span, problem.module, fix=fix)
