"""RL005: an import of a package that is not installed."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits


class MissingImport(Rule):
    """What it does: names a package that a file imports and that is not installed where the models are loaded.
    Stand-ins take its place, so that the rest of the file is checked. A fallback of the file's own comes first:
    `except ImportError` is heeded. Where the package around the file cannot do without, or lacks a file that is made at
    installation, the file is looked at without it.

    It is a warning where a class could not be checked for want of the package; packages that no class needs are named
    together, for information.

    Why is this bad: models whose forward needs the package are not checked.

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
            from torch import nn
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
            "a package that the file can do without",
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
