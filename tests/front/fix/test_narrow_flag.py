"""A flag that lets the addition happen too often is narrowed: the one that decides on the addition."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint
from fixing import HEAD, findings, fix, main_block, output_shape, write

SHAPE = (2, 4, 8, 8)
NARROWED = "self.use_res = stride == 1 and cin == cout"


def source_of(forward: str, more: str = "", run: str = "Block(4, 8, 2)") -> str:
    body = "".join(f"        {line}\n" for line in forward.split("\n"))
    return f"""{HEAD}class Block(nn.Module):
    def __init__(self, cin, cout, stride=1, enabled=True):
        super().__init__()
        self.enabled = enabled
        self.use_res = cin <= cout
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        out = self.norm(self.conv(x))
{body}{more}{main_block(run, SHAPE)}"""


@pytest.mark.parametrize(
    "forward",
    [
        "if self.enabled:\n    out = F.relu(out)\n    if self.use_res:\n        out = out + x\nreturn out",
        "if self.enabled and self.use_res:\n    out = out + x\nreturn out",
        "if not self.use_res:\n    return out\nreturn out + x",
        "return out + x if self.use_res else out",
    ],
    ids=["nested", "and", "early return", "ternary"],
)
def test_the_flag_that_decides_on_the_addition_is_narrowed(forward: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, source_of(forward))
    assert fix(lint, path).added == [NARROWED]
    assert output_shape(path, "Block(4, 8, 2)", SHAPE) == (2, 8, 4, 4)


def test_a_flag_with_alternatives_is_narrowed_as_a_whole(lint: Lint, tmp_path: Path) -> None:
    text = source_of("if self.use_res:\n    out = out + x\nreturn out")
    path = write(tmp_path, text.replace("= cin <= cout", "= cin <= cout or cin > 3 and enabled"))
    assert fix(lint, path).added == [
        "self.use_res = (cin <= cout or cin > 3 and enabled) and stride == 1 and cin == cout"
    ]


def test_a_flag_that_is_always_true_gets_both_conditions(lint: Lint, tmp_path: Path) -> None:
    """The stride of this call is 1, but the next caller may pass another one."""
    forward = "if self.use_res:\n    out = out + x\nreturn out"
    path = write(tmp_path, source_of(forward, run="Block(4, 8)").replace("= cin <= cout", "= True"))
    assert fix(lint, path).added == [NARROWED]


OUTER = "if self.enabled:\n    {}\n    if self.use_res:\n        out = out + x\nreturn out"


@pytest.mark.parametrize(("guarded", "safe"), [("out = out * self.gain(out)", False), ("pass", True)])
def test_a_fix_that_takes_layers_from_a_model_is_not_safe(guarded: str, safe: bool, lint: Lint, tmp_path: Path) -> None:
    """The inner flag is set by no constructor, and the outer one may decide on more than the addition."""
    text = source_of(OUTER.format(guarded)).replace(
        "self.use_res = cin <= cout", "self.gain = nn.Conv2d(cout, cout, 1)"
    )
    path = write(tmp_path, text.replace("class Block(nn.Module):\n", "class Block(nn.Module):\n    use_res = True\n\n"))
    found = findings(lint, path)
    assert "restrict self.enabled" in found[0]["fix"]["title"]
    assert (found[0]["fix"]["verified"], found[0]["fix"]["applicability"]) == (True, "safe" if safe else "unsafe")
    before = path.read_text()
    lint(path, "--fix")
    assert (path.read_text() != before) is safe
