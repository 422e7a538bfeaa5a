"""RL006: something that a file was kept from while it was looked at."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Traits


class RefusedAction(Rule):
    """What it does: names each line that was kept from the network, from starting processes, or from changing files
    outside the temporary folder. That is told even where the file's own code passes over it.

    Why is this bad: whoever builds the model does so as well, on machines without a network too, and in tests. A model
    that is built without what was refused may not be the same.

    Example:
        def __init__(self):
            super().__init__()
            self.load_state_dict(torch.hub.load_state_dict_from_url(URL))

    Use instead:
        def __init__(self, weights=None):
            super().__init__()
            if weights is not None:
                self.load_state_dict(torch.load(weights))
    """

    code = "RL006"
    name = "refused-action"
    severity = "info"
    traits = Traits(about="file")
    bad = (
        Case(
            "a download that the constructor can do without",
            """
            import urllib.request
            from torch import nn
            class Net(nn.Linear):
                def __init__(self):
                    super().__init__(8, 8)
                    try:
                        urllib.request.urlopen("http://localhost:9/weights")  # <- RL006
                    except OSError:
                        pass
        """,
        ),
        Case(
            "a program that tells the version",
            """
            import subprocess
            from torch import nn
            try:
                version = subprocess.check_output(["git", "describe"])  # <- RL006
            except Exception:
                version = "unknown"
            class Net(nn.Linear):
                pass
        """,
        ),
        Case(
            "a folder for what the model writes",
            """
            import os
            from torch import nn
            class Net(nn.Linear):
                try:
                    os.makedirs("runs")  # <- RL006
                except OSError:
                    pass
        """,
        ),
    )
    good = (
        Case(
            "temporary files",
            """
            import tempfile
            from torch import nn
            class Net(nn.Linear):
                with tempfile.TemporaryDirectory() as folder:
                    open(folder + "/scratch", "w").close()
        """,
        ),
        Case(
            "reading",
            """
            import os
            from torch import nn
            class Net(nn.Linear):
                names = os.listdir(".")
                text = open(__file__).read()
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind == "refused":
                fix = Fix(problem.help) if problem.help else None
                message = f"blocked during the check: {problem.reason}"
                yield Finding(self.code, self.name, self.severity, message, problem.span, fix=fix)
