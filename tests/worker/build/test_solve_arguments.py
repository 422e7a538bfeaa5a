"""Constructor arguments found from the errors that wrong ones cause, without a false report."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

from conftest import Lint

# The parameters, the constructor's body, and the forward.
CLASSES = {
    "Divisible": ("width, parts=3", "assert width % parts == 0\nself.fc = nn.Linear(width, width)", "self.fc(x)"),
    "Message": (
        "width",
        'if width % 7:\n    raise ValueError("width must be a multiple of 7")\nself.fc = nn.Linear(width, 5)',
        "self.fc(x)",
    ),
    "Zero": ("chan, squeeze", "mid = chan // squeeze\nself.a = nn.Conv2d(chan, 64 // mid, 1)", "self.a(x)"),
    "Rate": ("width, rate", "self.fc, self.drop = nn.Linear(width, 9), nn.Dropout(rate)", "self.drop(self.fc(x))"),
    "Tuple": (
        "width, depth",
        'if not isinstance(depth, tuple):\n    raise TypeError("depth needs to be a tuple")\n'
        "self.body = nn.Sequential(*[nn.Conv2d(width, width, 1) for _ in range(sum(depth))])",
        "self.body(x)",
    ),
    "Heads": ("embed, nh", "self.m = nn.MultiheadAttention(embed, nh)", "self.m(x, x, x)[0]"),
    "Groups": ("cin, cout, card", "self.c = nn.Conv2d(cin, cout, 3, groups=card)", "self.c(x)"),
    "Derived": ("sq", "side = int(sq**0.5)\nassert side * side == sq\nself.fc = nn.Linear(sq, side)", "self.fc(x)"),
    "Choice": ("width, mode", 'assert mode in ("cat", "sum")\nself.fc = nn.Linear(width, 5)', "self.fc(x)"),
    "Sum": (
        "a_feat, b_feat, total",
        "self.a, self.b = nn.Linear(10, a_feat), nn.Linear(10, b_feat)\nself.o = nn.Linear(total, 3)",
        "self.o(torch.cat([self.a(x), self.b(x)], -1))",
    ),
    "OneWidth": ("width", "self.fc = nn.Linear(48, width)", "x + self.fc(x)"),
}
# Classes that no arguments help.
BROKEN = {
    "Doubled": ("width", "self.fc = nn.Linear(width, 2 * width)", "x + self.fc(x)"),
    "Strided": ("width, mode", "assert mode in (1, 3)\nself.c = nn.Conv2d(width, width, 3, 2, 1)", "x + self.c(x)"),
}


def written(classes: dict[str, tuple[str, str, str]]) -> str:
    text = "import torch\nfrom torch import nn\n"
    for name, (parameters, body, forward) in classes.items():
        text += f"\nclass {name}(nn.Module):\n    def __init__(self, {parameters}):\n        super().__init__()\n"
        text += indent(dedent(body), " " * 8) + f"\n    def forward(self, x):\n        return {forward}\n"
    return text


def test_arguments_are_solved_for(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(written(CLASSES))
    report = json.loads(lint(tmp_path / "right.py", "--format", "json").stdout)
    assert {each["target"].split("::")[1] for each in report["modules"] if each["status"] != "checked"} == set()
    assert report["findings"] == []


def test_what_no_argument_helps_is_found(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(written(BROKEN))
    report = json.loads(lint(tmp_path / "wrong.py", "--format", "json").stdout)
    errors = [(each["module"], each["rule"]) for each in report["findings"] if each["severity"] == "error"]
    assert errors == [("Doubled", "RL101")]
    statuses = {each["target"].split("::")[1]: each["status"] for each in report["modules"]}
    assert statuses == {"Doubled": "checked", "Strided": "failed"}
