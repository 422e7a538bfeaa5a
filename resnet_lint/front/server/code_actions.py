"""The code actions for findings: the verified fix, ignoring them, their rule's page, and all fixes of a file."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from lsprotocol import types

from resnet_lint.shared.records.findings import Choice, Finding, Fix
from resnet_lint.shared.records.places import Edit, Position, Span
from resnet_lint.shared.source_text import split_lines

from .positions import ClientText

SHOW_RULE = "resnet-lint.rule"
QUICK_FIX: str = types.CodeActionKind.QuickFix.value
FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.resnet-lint"

_IGNORE = re.compile(r"#\s*resnet-lint:\s*ignore\[[^]]*(?=\])")


def quick_fixes(finding: Finding, text: str) -> Iterator[tuple[str, bool, tuple[Edit, ...]]]:
    """The edits for a finding in a text, best first: the title, whether it is preferred, and the edits."""
    fix = finding.fix
    if fix is not None and fix.edits:
        offers: list[Fix | Choice] = [fix, *(choice for choice in fix.choices if choice.edits != fix.edits)]
        for offered in offers:
            is_safe = offered.applicability == "safe"
            title = f"Fix {finding.rule}: {offered.title}" + ("" if is_safe else " (changes results)")
            yield title, is_safe and offered is fix, offered.edits
    ignore = ignoring(finding, text)
    if ignore is not None:
        yield f"Ignore {finding.rule} on this line", False, (ignore,)


def ignoring(finding: Finding, text: str) -> Edit | None:
    """A comment that suppresses a finding; None if there is no place for it."""
    for line in _lines_near(finding.span, text):
        edit = _ignoring_at(line, split_lines(text)[line - 1], finding.rule)
        if _is_a_comment(edit, text):
            return edit
    return None


def _lines_near(span: Span, text: str) -> Iterator[int]:
    """The lines whose comments apply to an expression: its own, and the last one of its statement."""
    number = len(split_lines(text))
    yield from (line for line in span.lines if line <= number)
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    last = span.lines[-1]
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not hasattr(node, "body")]
    yield from (node.end_lineno for node in statements if node.end_lineno and node.lineno <= last <= node.end_lineno)


def _ignoring_at(line: int, content: str, rule: str) -> Edit:
    """A comment at the end of a line, or the code in the brackets of the one that is there."""
    known = _IGNORE.search(content)
    end = known.end() if known else len(content.rstrip())
    added = f", {rule}" if known else f"  # resnet-lint: ignore[{rule}]"
    return Edit(Position(line, end + 1), Position(line, end + 1), added)


def _is_a_comment(edit: Edit, text: str) -> bool:
    """Whether an edit only changes a comment, which it doesn't in a string or after a backslash."""
    try:
        return ast.dump(ast.parse(text)) == ast.dump(ast.parse(applied(edit, text)))
    except SyntaxError:
        return False


def applied(edit: Edit, text: str) -> str:
    """A text with an insertion."""
    lines = split_lines(text)
    line, column = edit.start.line - 1, edit.start.column - 1
    lines[line] = lines[line][:column] + edit.text + lines[line][column:]
    return "".join(lines)


def differences(before: str, after: str, client: ClientText) -> list[types.TextEdit]:
    """The edits of whole lines that turn one text into another; `client` is the first one."""
    old, new = split_lines(before), split_lines(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [
        types.TextEdit(client.range(Position(first + 1, 1), Position(last + 1, 1)), "".join(new[start:end]))
        for kind, first, last, start, end in matcher.get_opcodes()
        if kind != "equal"
    ]
