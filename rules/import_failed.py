"""RL002: a file that cannot be imported."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Traits

_WHAT_FAILS = {"import": "cannot be imported", "ended": "cannot be checked"}


class ImportFailed(Rule):
    """What it does: reports a file whose imports or definitions raise, or that exits or hangs the interpreter, then or
    while its models run.

    Only imports, functions, classes and assignments are executed; loops, calls and the main block are not.

    Why is this bad: its models cannot be constructed, so nothing in it is checked.

    Example:
        from layers_that_moved import ConvBlock

    Use instead:
        from layers import ConvBlock
    """

    code = "RL002"
    name = "import-failed"
    traits = Traits(about="file")
    bad = (
        Case("a module that has moved", "from torch.moved import Base  # <- RL002\nclass Block(Base): pass\n"),
        Case(
            "a base class that does not exist",
            "from torch import nn\nclass Block(nn.Modul):  # <- RL002\n    pass\n",
        ),
        Case(
            "a file that exits",
            "import sys\nfrom torch import nn\nclass Block(nn.Module):\n    sys.exit(3)  # <- RL002\n",
        ),
    )
    good = (
        Case(
            "an optional package that is missing",
            """
            try:
                import no_such_package
            except ImportError:
                no_such_package = None
            from torch import nn
            class Net(nn.Linear):
                pass
        """,
        ),
        Case(
            "a call that fails when run as a script",
            """
            import argparse
            from torch import nn
            args = argparse.ArgumentParser().parse_args(["--no-such-option"])
            print(undefined)
            class Net(nn.Linear):
                pass
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind in _WHAT_FAILS:
                message = f"{_WHAT_FAILS[problem.kind]}: {problem.reason}"
                fix = Fix(problem.help) if problem.help else None
                yield Finding(self.code, self.name, self.severity, message, problem.span, fix=fix)
            elif problem.kind == "not run":
                yield Finding(self.code, self.name, "warning", problem.reason, problem.span)
