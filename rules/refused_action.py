"""RL006: an action that was blocked while the file was checked."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Fix, Rule, Traits


class RefusedAction(Rule):
    """What it does: reports each line that was blocked from using the network, starting processes, or writing files
    outside the temporary directory. It is reported even if the file handles the error.

    Why is this bad: the same happens whenever the model is constructed, also in tests and on machines without a
    network. A model that is constructed without the blocked action may differ.

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
            "an optional download in the constructor",
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
            "a subprocess that returns the version",
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
            "a directory for outputs",
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
