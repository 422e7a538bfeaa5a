"""Blocks that ended a check with an internal error, and a stride that is no evidence."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from fixing import HEAD

MODULES = """class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.modules = [self.conv]

    def forward(self, x):
        return self.conv(x) + x


Encoder()(torch.randn(2, 3, 8, 8))
"""

SPLIT = """class Scales(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width, self.conv = width // 2, nn.Conv1d(width // 2, width // 2, 3)

    def forward(self, x):
        first, second = torch.split(x, self.width, 1)
        return torch.cat((self.conv(first) + second, second), 1) + x


Scales(8)(torch.randn(2, 8, 16))
"""

DEFAULT = """class Stage(nn.Module):
    def __init__(self, width, stride=2):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=1, padding=1)

    def forward(self, x):
        return F.relu(self.conv(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage, self.head = Stage(8{}), nn.Linear(8 * 4 * 4, 10)

    def forward(self, x):
        return self.head(torch.flatten(self.stage(x), 1))


Net()(torch.randn(2, 8, 8, 8))
"""


def test_a_list_named_modules_and_a_branch_of_a_split(lint: Lint, tmp_path: Path) -> None:
    for name, source in (("modules", MODULES), ("split", SPLIT)):
        (tmp_path / f"{name}.py").write_text(HEAD + source)
    result = lint(tmp_path, "--fix")
    assert (result.exit_code, result.output.splitlines()[-1].split(";")[0]) == (
        0,
        "2 fixed in 2 files, 0 errors, 0 warnings",
    )
    assert "self.conv(x) + self.shortcut(x)" in (tmp_path / "modules.py").read_text()
    assert "width // 2, 3, padding=1)" in (tmp_path / "split.py").read_text()


def test_a_stride_that_only_a_default_states_is_no_safe_fix(lint: Lint, tmp_path: Path) -> None:
    """Passed by a caller, it is; the default may be what an earlier version left."""
    texts = {"default": HEAD + DEFAULT.format(""), "stated": HEAD + DEFAULT.format(", stride=2")}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    lint(tmp_path, "--fix")
    assert (tmp_path / "default.py").read_text() == texts["default"]
    assert (tmp_path / "stated.py").read_text() == texts["stated"].replace("stride=1,", "stride=stride,")
