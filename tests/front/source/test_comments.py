"""Comments for the tool: which are read, what they suppress, and the warnings about those without effect."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint
from hypothesis import given
from hypothesis import strategies as st

from resnet_lint.front.source.comments import Comments
from resnet_lint.front.source.contents import read_content

MODEL = """
    from torch import nn


    class Base(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 16, 1)


    class Hidden(Base):
        def forward(self, x):
            return x + self.conv(x)  # resnet-lint: ignore[RL101]  # the old weights need it


    class HiddenOnLastLine(Base):
        def forward(self, x):
            return print(
                x
                + self.conv(x),
            )  # noqa: T201  # resnet-lint: ignore


    class NotHidden(Base):
        def forward(self, x):
            return x + self.conv(x)  # resnet-lint: ignore[RL3]


    class Unguessable(
        nn.Module
    ):  # resnet-lint: ignore[RL0]
        def __init__(self, plan):
            super().__init__()
            self.convs = plan.convs()

        def forward(self, x):
            return self.convs(x)  # resnet-lint: ignore[RL301]


    class Old(nn.Module):
        def forward(self, x):
            return x * 2  # resnet-lint: ignore[RL106, RL1011]


    class Fine(nn.Module):
        def forward(self, x):
            return x * 2  # resnet-lint: ignore
"""


BLOCK = """
    from torch import nn


    class Block(nn.Module):
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.conv = nn.Conv2d(in_channels, out_channels, 1)

        def forward(self, x):
            return x + self.conv(x)  # resnet-lint: ignore[RL101]
"""

NET = """
    from torch import nn
    from block import Block


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block(8, 16)

        def forward(self, x):
            return self.block(x)
"""


def read_text(text: str) -> Comments:
    return read_content(Path("model.py"), text.encode()).comments


def read(source: str) -> Comments:
    return read_text(dedent(source).lstrip("\n"))


def findings(lint: Lint, *args: object) -> list[tuple[int, str, str]]:
    found = json.loads(lint(*args, "--format", "json").stdout)["findings"]
    return [(finding["start"]["line"], finding["rule"], finding["message"]) for finding in found]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.py"
    path.write_text(dedent(MODEL).lstrip())
    return path


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_a_comment_hides_what_it_names_and_what_does_nothing_is_told(model: Path, lint: Lint) -> None:
    found = findings(lint, model)
    assert [(line, rule) for line, rule, _ in found] == [
        (line_of(model, "ignore[RL3]"), "RL101"),
        (line_of(model, "ignore[RL3]"), "RL501"),
        (line_of(model, "RL1011"), "RL501"),
        (line_of(model, "RL1011"), "RL502"),
        (len(model.read_text().splitlines()), "RL501"),
    ]
    messages = {message for _, _, message in found}
    assert "no RL3 to ignore on this line; remove the code" in messages
    assert "no rule has the code 'RL1011'; did you mean RL101?" in messages
    assert "nothing to ignore on this line; remove the comment" in messages


def test_what_is_hidden_does_not_fail_the_check(model: Path, lint: Lint) -> None:
    assert lint(f"{model}::Hidden").exit_code == 0
    assert lint(f"{model}::NotHidden").exit_code == 1


def test_a_comment_is_not_judged_by_rules_that_were_not_selected(model: Path, lint: Lint) -> None:
    unselected = findings(lint, model, "--select", "RL107,RL5")
    assert [rule for _, rule, _ in unselected] == ["RL502"]
    assert [rule for _, rule, _ in findings(lint, model, "--select", "RL101")] == ["RL101"]


def test_a_hidden_finding_is_not_fixed(model: Path, lint: Lint) -> None:
    before = model.read_text()
    assert lint("--fix", f"{model}::Hidden").exit_code == 0
    assert model.read_text() == before


@pytest.mark.parametrize("comment", ["# resnet-lint: ignore-file", "# resnet-lint: ignore-file[RL1, RL5]"])
def test_a_whole_file_is_hidden(comment: str, model: Path, lint: Lint) -> None:
    model.write_text(f"{comment}\n{model.read_text()}")
    assert "RL101" not in {rule for _, rule, _ in findings(lint, model)}


def test_a_file_that_is_no_python_can_be_hidden(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "template.py").write_text("# resnet-lint: ignore-file\nclass {{ name }}(nn.Module):\n")
    assert lint(tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# resnet-lint: ignore", []),
        ("#resnet-lint:ignore", []),
        ("# noqa  # resnet-lint: ignore  # noqa", []),
        ("# resnet-lint: ignore -- the reason", []),
        ("# resnet-lint: ignore[RL101]", ["RL101"]),
        ("# resnet-lint: ignore[ RL101 ,RL2 ]", ["RL101", "RL2"]),
        ("# resnet-lint: ignore [RL101]", ["RL101"]),
    ],
)
def test_an_ignore_is_read(comment: str, codes: list[str]) -> None:
    source = f"x = 1  {comment}\n"
    comments = read(source)
    [ignore] = comments.ignores
    assert [code.text for code in ignore.codes] == codes
    for code in ignore.codes:
        assert source[code.span.start.column - 1 : code.span.end.column - 1] == code.text
    assert not comments.mistakes
    assert not ignore.whole_file
    assert source[ignore.span.start.column - 1] == "#"


@pytest.mark.parametrize(
    ("comment", "advice"),
    [
        ("# resnet-lint: ingore[RL101]", "'ingore[RL101]' is invalid; did you mean ignore?"),
        ("# resnet-lint: ignore_file", "did you mean ignore-file?"),
        ("# resnet-lint: ignore RL101", "'ignore RL101' is invalid; write ignore[RL101, RL2]"),
        ("# resnet-lint: ignore[RL101", "write ignore[RL101, RL2]"),
        ("# resnet-lint: ignore[]", "the brackets are empty"),
        ("# resnet-lint: noqa", "expected ignore, ignore-file, call= or input="),
        ("# resnet-lint:", "expected ignore"),
        ("# resnet-lint ignore", "start with '# resnet-lint: '"),
        ("# resnetlint: ignore[RL101]", "start with '# resnet-lint: '"),
        ("# resnet_lint: call=Net()", "start with '# resnet-lint: '"),
        ("# resnet-lint: call=Net", "'Net' does not start with a call"),
        ("# resnet-lint: call=Net() Net()", "'Net()' is neither call=Net(64) nor input=NAME=SHAPE"),
        ("# resnet-lint: call=Net() call=Net()", "call= is given twice"),
        ("# resnet-lint: input=2x3", "invalid input '2x3'; expected NAME=SHAPE"),
        ("# resnet-lint: input=x=2x3:flot32", "did you mean float32?"),
        ("# resnet-lint: input=x=2 input=x=3", "input 'x' is given twice"),
        ("# resnet-lint: call=Net()", "belong on the line above a class"),
    ],
)
def test_a_comment_that_cannot_be_followed(comment: str, advice: str) -> None:
    comments = read(f"x = 1  {comment}\n")
    [mistake] = comments.mistakes
    assert advice in mistake.reason
    assert (comments.ignores, comments.targets) == ((), ())
    assert mistake.span.start.column == 8


def test_an_ignore_on_a_line_of_its_own_is_told() -> None:
    comments = read("""
        # resnet-lint: ignore[RL101]
        y = f(
            # resnet-lint: ignore
            x,
        )
    """)
    assert [mistake.span.start.line for mistake in comments.mistakes] == [1]
    assert "at the end of the line that it applies to" in comments.mistakes[0].reason
    assert [ignore.line for ignore in comments.ignores] == [3]


def test_a_comment_counts_whichever_file_leads_to_its_line(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "block.py").write_text(dedent(BLOCK))
    (tmp_path / "net.py").write_text(dedent(NET))
    assert findings(lint, tmp_path / "net.py") == []
    assert findings(lint, tmp_path, "--ignore", "RL106") == []
    (tmp_path / "block.py").write_text(dedent(BLOCK).partition("  # resnet-lint")[0])
    assert {rule for _, rule, _ in findings(lint, tmp_path / "net.py")} == {"RL101"}


@pytest.mark.parametrize(
    "source",
    [
        'text = "# resnet-lint: ignore"',
        '"""\n# resnet-lint: ignore\n"""',
        "# resnet-lint finds what this file does wrong",
        "# write `# resnet-lint: ignore` to hide it",
        "# see https://example.org/resnet-lint#ignore",
    ],
)
def test_what_is_no_comment_for_the_tool(source: str) -> None:
    comments = read(source)
    assert (comments.ignores, comments.targets, comments.mistakes) == ((), (), ())


CLASS = "class Net(nn.Module):\n    pass\n"


@pytest.mark.parametrize(
    ("source", "call", "inputs"),
    [
        (f"# resnet-lint: call=Net(64, 128, stride=2)\n{CLASS}", "Net(64, 128, stride=2)", ()),
        (f"# resnet-lint: call=Net(64) input=x=2x3x64x64\n{CLASS}", "Net(64)", ("x=2x3x64x64",)),
        (f"# resnet-lint: input=x=2x3 input=ids=2:int64  # why\n{CLASS}", None, ("x=2x3", "ids=2:int64")),
        (f"# resnet-lint: call=Net(') input=x=2', input=(1, 2))\n{CLASS}", "Net(') input=x=2', input=(1, 2))", ()),
        (f"# resnet-lint: call=make(1)(2).net(3)\n{CLASS}", "make(1)(2).net(3)", ()),
        (f"# resnet-lint: call=Net()\n# the input\n# resnet-lint: input=x=2\n{CLASS}", "Net()", ("x=2",)),
        (f"# resnet-lint: call=Net()\n@final\n{CLASS}", "Net()", ()),
        ("class Net(nn.Module):  # resnet-lint: call=Net()\n    pass\n", "Net()", ()),
        ("class Net(\n    nn.Module,\n):  # resnet-lint: call=Net()\n    pass\n", "Net()", ()),
        ("class Net(nn.Module):\n    # resnet-lint: call=Net()\n    pass\n", "Net()", ()),
        ("class Net(nn.Module): pass  # resnet-lint: call=Net()\n", "Net()", ()),
    ],
)
def test_a_class_says_how_it_is_built_and_fed(source: str, call: str | None, inputs: tuple[str, ...]) -> None:
    comments = read(source)
    assert not comments.mistakes
    [target] = comments.targets
    assert (target.name, target.call, target.inputs) == ("Net", call, inputs)
    assert target.line is not None
    assert "resnet-lint" in source.splitlines()[target.line - 1]


def test_a_comment_above_a_nested_class_is_the_nested_class_s() -> None:
    comments = read("""
        class Outer(nn.Module):
            # resnet-lint: call=Outer.Inner()
            class Inner(nn.Module):
                pass
    """)
    assert [target.name for target in comments.targets] == ["Outer.Inner"]


def test_a_class_is_told_once_how_it_is_built() -> None:
    comments = read(f"# resnet-lint: call=Net(1)\n# resnet-lint: call=Net(2)\n{CLASS}")
    assert [target.call for target in comments.targets] == ["Net(1)"]
    assert [mistake.reason for mistake in comments.mistakes] == ["the comment in line 1 has call= too"]


@pytest.mark.parametrize(
    "data",
    [
        b"x = 1  # resnet-lint: ignore\r\ny = 2\r\n",
        b"\xef\xbb\xbfx = 1  # resnet-lint: ignore\n",
        b"# coding: latin-1  # resnet-lint: ignore-file\nx = '\xe9'\n",
        b"x = 1  # resnet-lint: ignore\n\f\ny = (\n",
        b"x = 1  # resnet-lint: ignore\n  y = 1\n z = 1\n",
    ],
    ids=["CRLF", "byte order mark", "coding cookie", "unclosed bracket", "bad indentation"],
)
def test_files_as_they_come(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(data)
    assert [ignore.line for ignore in read_content(path).comments.ignores] == [1]


def test_a_file_that_is_no_text_has_no_comments(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(b"# resnet-lint: ignore-file\n\xff")
    assert read_content(path).comments == Comments()


@given(st.text(alphabet="# resnt-lig:\n\"'()[]=x,ocaRL1\\\t", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    comments = read_text(f"x = 1  # resnet-lint: {text}")
    assert comments == read_text(f"x = 1  # resnet-lint: {text}")
    assert comments.ignores or comments.mistakes or comments.targets
