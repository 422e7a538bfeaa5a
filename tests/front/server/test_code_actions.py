"""The edits of code actions: fixes and their alternatives, and comments that ignore a finding."""

from __future__ import annotations

import pytest

pytest.importorskip("pygls")

from resnet_lint.front.server.code_actions import applied, ignoring, quick_fixes
from resnet_lint.shared.records.findings import Choice, Finding, Fix
from resnet_lint.shared.records.places import Edit, Position, Span


def finding(first: int, last: int, fix: Fix | None = None) -> Finding:
    span = Span("model.py", Position(first, 5), Position(last, 9))
    return Finding("RL101", "residual-channels-mismatch", "error", "cannot add", span, fix=fix)


@pytest.mark.parametrize(
    ("text", "lines", "ignored"),
    [
        ("y = x + 1\n", (1, 1), "y = x + 1  # resnet-lint: ignore[RL101]\n"),
        ("y = x + 1  # why", (1, 1), "y = x + 1  # why  # resnet-lint: ignore[RL101]"),
        (
            "y = x + 1  # resnet-lint: ignore[RL2]  # why\n",
            (1, 1),
            "y = x + 1  # resnet-lint: ignore[RL2, RL101]  # why\n",
        ),
        ("y = x + \\\n    1\r\n", (1, 2), "y = x + \\\n    1  # resnet-lint: ignore[RL101]\r\n"),
        ('y = f("""\n""") + 1\n', (1, 1), 'y = f("""\n""") + 1  # resnet-lint: ignore[RL101]\n'),
        ("y = f(\n    x,\n)\n", (1, 3), "y = f(  # resnet-lint: ignore[RL101]\n    x,\n)\n"),
    ],
)
def test_a_comment_ignores_a_finding_and_changes_no_code(text: str, lines: tuple[int, int], ignored: str) -> None:
    edit = ignoring(finding(*lines), text)
    assert edit is not None
    assert applied(edit, text) == ignored


def test_the_alternatives_of_a_fix_follow_it() -> None:
    edits = [(Edit(Position(1, 1), Position(1, 1), text),) for text in "ab"]
    choices = tuple(Choice(f"way {number}", "unsafe", edit) for number, edit in enumerate(edits))
    fix = Fix("way 0", "unsafe", True, edits[0], choices=choices)
    found = [(title, preferred) for title, preferred, _ in quick_fixes(finding(1, 1, fix), "x\n")]
    assert found == [
        ("Fix RL101: way 0 (changes results)", False),
        ("Fix RL101: way 1 (changes results)", False),
        ("Ignore RL101 on this line", False),
    ]
