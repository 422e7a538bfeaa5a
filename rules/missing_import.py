"""RL005: an import of a package that is not installed."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class MissingImport(Rule):
    """What it does: reports an imported package that is not installed in the environment of the models. It is replaced
    by a stub, so that the rest of the file is checked. A fallback in the file itself (`except ImportError`) takes
    precedence. If the package that contains the file cannot be imported without it, or lacks a file that is generated
    at installation, the file is imported on its own.

    It is a warning if a class could not be checked because of the package; packages that no class needs are reported
    together, as info.

    Why is this bad: models whose forward pass needs the package are not checked.

    Example:
        from mmcv.cnn import ConvModule    # in an environment without mmcv

    Use instead:
        resnet-lint --python .venv/bin/python    # an environment with it
    """

    code = "RL005"
    name = "missing-import"
    severity = "warning"
    traits = Traits(about="file")
    bad = (
        Case(
            "a registry and a base class",
            """
            from no_such_package import MODELS, BaseModule  # <- RL005
            @MODELS.register_module()
            class Block(BaseModule):
                def __init__(self, width=8):
                    super().__init__(init_cfg=None)
                    self.conv = nn.Conv2d(3, width, 3)
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
        Case(
            "a layer",
            """
            from no_such_package import ConvModule  # <- RL005
            from torch import nn
            class Stem(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, 3)
                def forward(self, x):
                    return self.conv(x)
        """,
        ),
    )
    good = (
        Case(
            "an optional package",
            """
            try:
                from no_such_package import act
            except ImportError:
                act = None
            from torch import nn
            class Net(nn.Linear):
                def __init__(self):
                    super().__init__(8, 8)
                    assert act is None
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for problem in analysis.problems:
            if problem.kind in ("missing", "unneeded"):
                severity = self.severity if problem.kind == "missing" else "info"
                yield Finding(self.code, self.name, severity, problem.reason, problem.span)
