"""The flags that guard an addition, however the condition is written, innermost first."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from resnet_lint.shared.records.places import Position, Span
from resnet_lint.worker.fix_plans.flags import guarding_flags

HEAD = """\
class Block(nn.Module):
    def __init__(self, cin, cout, stride, enabled):
        self.enabled = enabled
        self.use_res = stride == 1 and cin == cout

    def forward(self, x):
"""


@pytest.mark.parametrize(
    ("forward", "flags"),
    [
        ("return out + x", []),
        ("if self.use_res:\n    out = out + x", ["use_res"]),
        ("if self.enabled:\n    if self.use_res:\n        out = out + x", ["use_res", "enabled"]),
        (
            "if self.a:\n    if self.b:\n        with c:\n            if self.c:\n                out = out + x",
            ["c", "b", "a"],
        ),
        ("if self.use_res and self.enabled:\n    out = out + x", ["use_res", "enabled"]),
        ("if self.enabled and self.use_res:\n    out = out + x", ["use_res", "enabled"]),
        ("if self.a and (self.b and x.ndim == 4):\n    out = out + x", ["b", "a"]),
        ("if self.a or self.b:\n    out = out + x", []),
        ("if not self.use_res:\n    return out\nreturn out + x", ["use_res"]),
        ("if not self.a or not self.b:\n    return out\nreturn out + x", ["b", "a"]),
        ("if self.plain:\n    return out\nreturn out + x", []),
        ("if self.use_res:\n    pass\nelse:\n    return out\nreturn out + x", ["use_res"]),
        ("if not self.use_res:\n    out = f(out)\nelse:\n    out = out + x", ["use_res"]),
        ("if self.use_res:\n    pass\nelse:\n    out = out + x", []),
        ("if not self.use_res:\n    out = f(out)\nreturn out + x", []),  # it goes on
        ("if self.other:\n    out = f(out)\nif self.use_res:\n    out = out + x", ["use_res"]),
        ("if self.a:\n    pass\nelif self.b:\n    out = out + x", ["b"]),
        ("return out + x if self.use_res else out", ["use_res"]),
        ("return out if not self.use_res else out + x", ["use_res"]),
        ("return out if self.plain else out + x", []),
        ("return self.use_res and out + x or out", ["use_res"]),
        ("'é'; y = out + x if self.use_res else out", ["use_res"]),
        ("for block in self.blocks:\n    if not self.use_res:\n        continue\n    out = out + x", ["use_res"]),
        ("if x.use_res or block.use_res:\n    out = out + x", []),
    ],
)
def test_the_flags_of_an_addition(forward: str, flags: list[str]) -> None:
    source = HEAD + indent(dedent(forward), " " * 8) + "\n"
    lines = source.split("\n")
    line = next(number for number, text in enumerate(lines, 1) if "out + x" in text)
    column = lines[line - 1].index("out + x") + 1
    span = Span("model.py", Position(line, column), Position(line, column + len("out + x")))
    assert guarding_flags(source, span) == flags
