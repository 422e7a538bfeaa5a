"""Notebooks: the code cells in order, findings by cell and line, magics skipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

from resnet_lint.shared.notebook import read_notebook

IMPORTS = "%matplotlib inline\n!pip install torch\nimport torch\nfrom torch import nn\nfiles = !ls"
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8 * 16 * 16, 10)
    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv(x), 2)
        return self.fc(x.flatten(1))
""".strip()
USE = """
net = Net()
for i in range(2):
    %time net
get_ipython().run_line_magic('x', '')
net(torch.randn(2, 3, {0}, {0}))
""".strip()
BLOCK = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
    def forward(self, x):
        return x + self.conv(x)
""".strip()


def notebook(*cells: tuple[str, str]) -> str:
    return json.dumps(
        {
            "cells": [{"cell_type": kind, "metadata": {}, "source": text.splitlines(True)} for kind, text in cells],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def student(size: int) -> str:
    return notebook(
        ("markdown", "# A net"),
        ("code", IMPORTS),
        ("code", NET),
        ("code", "%%bash\nls | grep x"),
        ("code", USE.format(size)),
    )


def test_the_calls_of_a_notebook_decide(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "right.ipynb").write_text(student(32))
    (tmp_path / "wrong.ipynb").write_text(student(28))
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    [finding] = report["findings"]
    assert (Path(finding["path"]).name, finding["rule"]) == ("wrong.ipynb", "RL301")
    assert (finding["cell"], finding["start"]["line"]) == (3, 8)
    assert report["summary"]["checked"] == 2
    assert "wrong.ipynb:cell 3:8:16: error: RL301" in lint(tmp_path / "wrong.ipynb").stdout


def test_a_fix_is_shown_and_not_written(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "block.ipynb"
    path.write_text(notebook(("code", IMPORTS), ("code", BLOCK), ("code", USE.format(8))))
    before = path.read_bytes()
    result = lint("--fix", "--verbose", path)
    assert "cell 2:6:16: error: RL101" in result.stdout
    assert "fixes in notebooks are shown but not written" in result.stdout
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["{not json", '{"cells": 3}', '{"cells": [{"cell_type": "code"}]}', "[]", "\xff"])
def test_a_malformed_notebook(text: str, lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_bytes(text.encode("latin-1"))
    result = lint(path)
    assert "broken.ipynb:1:1: error: RL001 not a notebook: " in result.stdout
    assert result.exit_code == 1


def test_lines_keep_their_places() -> None:
    cells = (
        ("code", "a = 1\n%time f()\n!ls \\\n  -l\nb = 2"),
        ("markdown", "x"),
        ("code", "%%writefile x.txt\n  free text"),
        ("code", "%%time\nc = 3\nx = %pwd\nhelp?"),
    )
    read = read_notebook(notebook(*cells).encode())
    commented = "a = 1\n# %time f()\n# !ls \\\n#   -l\nb = 2\n# %%writefile x.txt\n#   free text\n"
    assert read.text == f"{commented}# %%time\nc = 3\n# x = %pwd\n# help?\n"
    assert [read.place(line) for line in (5, 7, 9)] == [(1, 5), (3, 2), (4, 2)]


def test_code_hosts_get_the_cell_in_words(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "net.ipynb"
    path.write_text(student(size=28))
    annotation = lint(path, "--format", "github").stdout.splitlines()[0]
    properties, _, message = annotation.removeprefix("::error ").partition("::")
    assert "line=" not in properties and "net.ipynb:cell 3:8:16: RL301" in message
    [result] = json.loads(lint(path, "--format", "sarif").stdout)["runs"][0]["results"]
    assert result["message"]["text"].startswith("cell 3:8: fc expects 2048 features")
    assert "region" not in result["locations"][0]["physicalLocation"]
    assert lint(path, "--format", "github").exit_code == 1
    path.write_text(student(size=32))
    assert "::error" not in lint(path, "--format", "github").stdout
    assert json.loads(lint(path, "--format", "sarif").stdout)["runs"][0]["results"] == []
