"""The definitions of a file, and the reasons why a file cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_lint.front.source.outline import Outline, Unreadable, read_outline


def outline(folder: Path, source: str | bytes) -> Outline | Unreadable:
    path = folder / "model.py"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    return read_outline(path)


def classes(folder: Path, source: str) -> list[str]:
    result = outline(folder, source)
    assert isinstance(result, Outline)
    return [status.name for status in result.classes]


def test_a_class_has_its_name_line_and_bases(tmp_path: Path) -> None:
    result = outline(tmp_path, "from torch import nn\n\n@final\nclass Block(nn.Module, Mixin[int]):\n    pass\n")
    assert isinstance(result, Outline)
    [block] = result.classes
    assert (block.name, block.line, block.bases) == ("Block", 4, ("nn.Module", "Mixin[int]"))


@pytest.mark.parametrize(
    "source",
    [
        "class A(nn.Module): ...",
        "from torch.nn import Module\nclass A(Module): ...",
        "from .base import Block\nclass A(Block): ...",
        "from x import *\nclass A(Block): ...",
        "Base = nn.Module\nclass A(Base): ...",
        "try:\n    from x import Base\nexcept ImportError:\n    class Base: ...\nclass A(Base): ...",
        "class A(make_base()): ...",
        "class A((nn.Module if x else object)): ...",
        "class A(*bases): ...",
        "class A(Generic[T], nn.Module): ...",
        "from enum import Enum\nfrom timm import Enum\nclass A(Enum): ...",
    ],
)
def test_a_base_from_elsewhere_may_be_a_module(source: str, tmp_path: Path) -> None:
    assert "A" in classes(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        "class A: ...",
        "class A(object): ...",
        "class A(Exception): ...",
        "import enum\nclass A(enum.Enum): ...",
        "from typing import NamedTuple\nclass A(NamedTuple): ...",
        "from collections import namedtuple\nclass A(namedtuple('A', 'x')): ...",
        "class Plain: ...\nclass A(Plain): ...",
    ],
)
def test_a_known_base_is_no_module(source: str, tmp_path: Path) -> None:
    assert classes(tmp_path, source) == []


def test_a_class_below_a_module_is_one_in_any_order(tmp_path: Path) -> None:
    source = "class C(B): ...\nclass B(A): ...\nclass A(nn.Module): ...\nclass D: ...\n"
    assert classes(tmp_path, source) == ["C", "B", "A"]


def test_nested_classes_have_qualified_names(tmp_path: Path) -> None:
    source = "class A:\n    class B(nn.Module): ...\ndef f():\n    if x:\n        class C(nn.Module): ...\n"
    assert classes(tmp_path, source) == ["A.B", "f.<locals>.C"]


def test_names_are_those_of_the_top_level(tmp_path: Path) -> None:
    source = "import a.b, c as d\nif x:\n    from y import e\ndef f():\n    local = 1\nclass G:\n    inner = 2\nh = 3\n"
    result = outline(tmp_path, source)
    assert isinstance(result, Outline)
    assert result.names == {"a", "d", "e", "f", "G", "h"}


@pytest.mark.parametrize(
    ("source", "place", "reason"),
    [
        (b"x = 1\ny = \0\n", (2, 5), "not Python source: the file contains NUL bytes"),
        (b"x = 1\n\n\ny = 'a\xffb'\n", (4, 7), "byte 0xff is not valid utf-8"),
        (b"'\xc3\xa4\xff'", (1, 3), "byte 0xff is not valid utf-8"),
        (b"# coding: ascii\n'\xc3'\n", (2, 2), "byte 0xc3 is not valid ascii"),
        (b"# coding: klingon\n", (1, 1), "syntax error: unknown encoding: klingon"),
        (b"# coding: hex\nx = 1\n", (1, 1), "cannot decode the file: 'hex' is not a text encoding"),
        (b"x = 1\ndef f(:\n", (2, 7), "syntax error: invalid syntax"),
        (b"x = (1,\n", (1, 5), "syntax error: '(' was never closed"),
        (b"def f():\n", (1, 9), "syntax error: expected an indented block after function definition on line 1"),
    ],
)
def test_unreadable(source: bytes, place: tuple[int, int], reason: str, tmp_path: Path) -> None:
    result = outline(tmp_path, source)
    assert isinstance(result, Unreadable)
    assert (result.line, result.column) == place
    assert result.reason.startswith(reason)


def test_a_coding_cookie_is_respected(tmp_path: Path) -> None:
    source = "# -*- coding: latin-1 -*-\nclass Größe(nn.Module): ...\n"
    result = outline(tmp_path, source.encode("latin-1"))
    assert isinstance(result, Outline)
    assert result.classes[0].name == "Größe"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert isinstance(outline(tmp_path, b"\xef\xbb\xbfx = 1\r\ny = 2\r\n"), Outline)


@pytest.mark.parametrize("source", ["(" * 100_000 + ")" * 100_000, "x = " + "-" * 100_000 + "1", "a" + ".b" * 20_000])
def test_too_deep_nesting_is_no_crash(source: str, tmp_path: Path) -> None:
    result = outline(tmp_path, source)
    assert isinstance(result, Unreadable)
    assert "nest" in result.reason or "too complex" in result.reason


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = read_outline(tmp_path / "model.py")
    assert isinstance(result, Unreadable)
    assert result.reason == "cannot read the file: Permission denied"


def test_warnings_of_the_users_file_stay_silent(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    outline(tmp_path, "x = '\\d'\nclass A: ...\n")
    assert not recwarn.list


@given(source=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_give_a_record(source: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    result = outline(tmp_path_factory.getbasetemp(), source)
    if isinstance(result, Unreadable):
        assert result.line >= 1
        assert result.column >= 1
        assert result.reason


USES = """
import torch
from torch import nn

{definitions}

{statement}
"""
MAKES = "def make():\n    return nn.Linear(10, 2)"


@pytest.mark.parametrize(
    ("definitions", "statement", "uses"),
    [
        ("", "net = nn.Linear(10, 2)", True),
        (MAKES, "make()(torch.randn(1, 10))", True),
        (f"{MAKES}\ndef fit():\n    make()", "fit()", True),
        ("class Trainer:\n    def __init__(self):\n        self.net = nn.Linear(10, 2)", "Trainer()", True),
        (f"{MAKES}\nclass Trainer:\n    def fit(self):\n        make()", "Trainer().fit()", True),
        (MAKES, "x = torch.zeros(1)", False),
        ("class Trainer:\n    def __init__(self):\n        self.net = nn.Linear(10, 2)", "", False),
        ("def criterion():\n    return torch.zeros(1)", "criterion()", False),
    ],
)
def test_models_that_a_file_without_classes_of_its_own_builds(
    definitions: str, statement: str, uses: bool, tmp_path: Path
) -> None:
    file = tmp_path / "train.py"
    file.write_text(USES.format(definitions=definitions, statement=statement))
    outline = read_outline(file)
    assert isinstance(outline, Outline)
    assert outline.uses_models is uses
