"""A file is read and parsed once, although several stages of a check need its classes and comments."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_workers import FakeWorkers, stand_in

from resnet_lint.front.cli import main
from resnet_lint.front.source.contents import Contents, read_content

SOURCE = """import torch
from torch import nn
class Net(nn.Module):
    pass  # resnet-lint: ignore[RL101]
"""


def counted(owner: object, name: str, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The first arguments of all calls of a function from now on."""
    function, seen = getattr(owner, name), list[object]()

    def noted(first: object, *args: Any, **named: Any) -> Any:
        seen.append(first)
        return function(first, *args, **named)

    monkeypatch.setattr(owner, name, noted)
    return seen


@pytest.mark.parametrize("argument", ["", "net.py"], ids=["folder", "file"])
def test_a_check_reads_and_parses_a_file_once(argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "net.py"
    file.write_text(SOURCE)
    stand_in(FakeWorkers(), monkeypatch).severity = "error"
    read, parsed = counted(Path, "read_bytes", monkeypatch), counted(ast, "parse", monkeypatch)
    result = CliRunner().invoke(main, [str(tmp_path / argument), "--format", "json"], prog_name="resnet-lint")
    assert '"XX103"' in result.stdout
    assert (read.count(file), parsed.count(SOURCE)) == (1, 1)


def test_a_file_that_was_written_is_read_again(tmp_path: Path) -> None:
    file, contents = tmp_path / "net.py", Contents()
    file.write_text(SOURCE)
    assert contents.of(file) is contents.of(file)
    file.write_text("x = 1\n")
    contents.forget(file)
    assert not contents.of(file).comments.ignores


PLAIN = "from torch import nn\nclass Net(nn.Module):\n    pass\n"


def test_a_file_is_parsed_again_only_if_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, cache = tmp_path / "net.py", tmp_path / "cache"
    parsed = counted(ast, "parse", monkeypatch)
    other = PLAIN.replace("Net", "Not")  # of the same size
    for number, text in enumerate((PLAIN, other, PLAIN, other, PLAIN + SOURCE, PLAIN + SOURCE, "class", "class"), 1):
        file.write_text(text)
        os.utime(file, (1.0, 1.0))
        for _ in range(2):  # two runs
            fresh = read_content(file)
            parsed.clear()
            assert Contents(cache=cache).of(file) == fresh
            is_known = "ignore" not in text and text != "class" and (number > 2 or _ == 1)
            assert (not parsed) == is_known


def test_a_text_that_replaces_a_file_is_not_remembered(tmp_path: Path) -> None:
    file, cache = tmp_path / "net.py", tmp_path / "cache"
    assert Contents(replaced={file: PLAIN.encode()}, cache=cache).of(file) == read_content(file, PLAIN.encode())
    assert not cache.exists()  # an editor has a new text with every key
