"""A file from standard input: checked, fixed and ignored like a file with its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import Lint

from resnet_lint.front.cli import main

FIXTURES = Path(__file__).parents[3] / "fixtures"
BROKEN = (FIXTURES / "f3_channels/model.py").read_text()
FIXED = (FIXTURES / "f3_channels/fixed.py").read_text()


def check(text: str | bytes, *args: str) -> Result:
    return CliRunner().invoke(main, [*args, "--isolated"], input=text, prog_name="resnet-lint")


@pytest.fixture(autouse=True)
def folder(lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; the command line has a worker behind it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_that_is_nowhere(folder: Path) -> None:
    result = check(BROKEN, "-")
    assert result.exit_code == 1
    assert result.stdout.startswith("stdin.py:15:15: error: RL101 ")
    assert "\n15 |         out = out + x\n" in result.stdout
    assert list(folder.iterdir()) == []


def test_the_name_says_where_it_would_be(folder: Path) -> None:
    (folder / "pkg").mkdir()
    (folder / "pkg/__init__.py").touch()
    (folder / "pkg/widths.py").write_text("OUT = 128\n")
    (folder / "pkg/model.py").write_text("what is on the disk is not Python")
    text = BROKEN.replace("import torch\n", "import torch\nfrom .widths import OUT\n", 1).replace(
        "64, 128,", "64, OUT,"
    )
    [finding] = json.loads(check(text, "--stdin-filename", "pkg/model.py", "--format", "json").stdout)["findings"]
    assert (finding["rule"], finding["path"]) == ("RL101", "pkg/model.py")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_fix_is_a_filter(ends: str, folder: Path) -> None:
    shutil.copy(FIXTURES / "f3_channels/model.py", folder / "model.py")
    text = BROKEN.replace("\n", ends).encode()
    result = check(text, "--fix", "-", "--stdin-filename", "model.py")
    assert result.exit_code == 0
    assert result.stdout_bytes == FIXED.replace("\n", ends).encode()
    assert "1 fixed in 1 file" in result.stderr
    assert (folder / "model.py").read_text() == BROKEN


def test_fix_gives_back_what_needs_none() -> None:
    result = check("x = 1\n", "--fix", "-")
    assert (result.exit_code, result.stdout) == (0, "x = 1\n")


def test_comments_in_the_text_count() -> None:
    text = BROKEN.replace("out = out + x", "out = out + x  # resnet-lint: ignore[RL101]")
    assert check(text, "-").exit_code == 0
    unused = check(BROKEN.replace("return out", "return out  # resnet-lint: ignore[RL1]"), "-", "--format", "concise")
    assert [line.split()[2] for line in unused.stdout.splitlines() if line.startswith("stdin.py")] == ["RL101", "RL501"]


@pytest.mark.parametrize("text", [b"class Net(nn.Module\n", b"\xff\xfe", b"x = '\0'\n"])
def test_what_is_no_python_is_a_finding(text: bytes) -> None:
    result = check(text, "-")
    assert result.exit_code == 1
    assert result.stdout.startswith("stdin.py:1:")
    assert "error: RL001" in result.stdout


def test_an_excluded_name(folder: Path) -> None:
    result = check(BROKEN, "--stdin-filename", "old/net.py", "--exclude", "old/", "--force-exclude")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "nothing was checked: old/net.py is excluded")
