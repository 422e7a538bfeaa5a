"""Reads the comments for resnet-lint in a file.

    out += identity  # resnet-lint: ignore[RL101]          suppress RL101 on this line; or ignore[RL101, RL2], ignore
    # resnet-lint: ignore-file                             suppress all findings in this file; or ignore-file[RL3]
    # resnet-lint: call=Net(64, stride=2) input=x=2x3x64x64    constructor call and input of the class below

An ignore comment may be followed by a reason, ` # why`.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.evidence import Problem
from resnet_lint.shared.notation import call_in_front, check_inputs
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.requests import Target

from .outline import ClassOutline, first_line

_MARK = re.compile(r"(?:^|(?<=\s))#\s*resnet-lint:\s*")
_NEARLY = re.compile(r"(?:^|(?<=\s))#\s*resnet[-_ ]?lint\s*:?\s*(?:ignore|(?:call|input)\s*=)", re.IGNORECASE)
_IGNORE = re.compile(r"(?P<word>ignore(?:-file)?)(?:\s*\[(?P<codes>[^]]*)\])?\s*(?:$|#|--)")
_TOLD = re.compile(r"(call|input)\s*=\s*")
_WORDS = ("ignore", "ignore-file", "call", "input")


@dataclass(frozen=True)
class Code:
    """A rule code or prefix in a comment."""

    text: str
    span: Span


@dataclass(frozen=True)
class Ignore:
    """A comment that suppresses findings on its line or in the whole file; all findings if it has no codes."""

    span: Span
    codes: tuple[Code, ...]
    whole_file: bool

    @property
    def line(self) -> int:
        return self.span.start.line


@dataclass(frozen=True)
class Comments:
    """The comments for resnet-lint in a file, and its classes.

    `last_lines` maps each line of a statement to its last line; for a compound statement, that of its head.
    """

    ignores: tuple[Ignore, ...] = ()
    targets: tuple[Target, ...] = ()
    mistakes: tuple[Problem, ...] = ()
    classes: tuple[ClassOutline, ...] = ()
    last_lines: Mapping[int, int] = field(default_factory=dict)

    def around(self, line: int) -> list[str]:
        """The names of the classes around a line, innermost first."""
        return [cls.name for cls in reversed(self.classes) if cls.first_line <= line <= cls.end_line]


def has_comments(text: str) -> bool:
    """Whether a text may have comments for resnet-lint; most have none."""
    if "lint" not in text.lower():  # a hundred times faster
        return False
    return _NEARLY.search(text) is not None or _MARK.search(text) is not None


def comments_in(path: str, text: str, tree: ast.Module | None, classes: Sequence[ClassOutline]) -> Comments:
    """The comments in the text of a file; after a syntax error, comments are ignored."""
    if not has_comments(text):
        return Comments()
    last_lines = _last_lines(tree) if tree is not None else {}
    reader = _Reader(path, classes, last_lines)
    for comment in _comments(text):
        reader.read(comment)
    targets, mistakes = reader.targets()
    return Comments(tuple(reader.ignores), targets, (*reader.mistakes, *mistakes), tuple(classes), last_lines)


@dataclass(frozen=True)
class _Comment:
    """A comment; `alone` is whether there is no code on its line."""

    line: int
    column: int
    text: str
    alone: bool


def _comments(text: str) -> Iterator[_Comment]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                line, column = token.start
                yield _Comment(line, column + 1, token.string, not token.line[:column].strip())
    except (tokenize.TokenError, SyntaxError):
        return


class _Reader:
    """Processes the comments of a file in order."""

    def __init__(self, path: str, classes: Sequence[ClassOutline], last_lines: Mapping[int, int]) -> None:
        self._path = path
        self._classes = classes
        self._last_lines = last_lines
        self._alone: set[int] = set()
        self._targets: list[tuple[_Comment, Target]] = []
        self.ignores: list[Ignore] = []
        self.mistakes: list[Problem] = []

    def read(self, comment: _Comment) -> None:
        if comment.alone:
            self._alone.add(comment.line)
        text = comment.text
        marks = list(_MARK.finditer(text))
        if not marks and (nearly := _NEARLY.search(text)):
            self._mistake(comment, nearly.start(), len(text), "comments for resnet-lint start with '# resnet-lint: '")
        ends = [*(mark.start() for mark in marks), len(text)][1:]
        for mark, end in zip(marks, ends, strict=True):
            try:
                self._directive(comment, mark.start(), mark.end(), text[mark.end() : end].rstrip())
            except UsageError as error:
                self._mistake(comment, mark.start(), end, str(error))

    def _directive(self, comment: _Comment, start: int, at: int, said: str) -> None:
        if match := _IGNORE.match(said):
            whole_file = match["word"] == "ignore-file"
            if comment.alone and not whole_file and comment.line not in self._last_lines:
                raise UsageError("an ignore comment must be at the end of the line that it applies to")
            codes = () if match["codes"] is None else tuple(self._codes(comment, at + match.start("codes"), match))
            end = at + match.end("codes") + 1 if codes else at + match.end("word")
            self.ignores.append(Ignore(self._span(comment, start, end), codes, whole_file))
        elif _TOLD.match(said):
            self._targets.append((comment, _target(said, comment.line)))
        else:
            raise UsageError(_advice(said))

    def _codes(self, comment: _Comment, at: int, match: re.Match[str]) -> Iterator[Code]:
        found = list(re.finditer(r"[^\s,]+", match["codes"]))
        if not found:
            raise UsageError(f"the brackets are empty; write {match['word']}[RL101], or omit them")
        for part in found:
            yield Code(part[0], self._span(comment, at + part.start(), at + part.end()))

    def _span(self, comment: _Comment, start: int, end: int) -> Span:
        line, column = comment.line, comment.column
        return Span(self._path, Position(line, column + start), Position(line, column + end))

    def _mistake(self, comment: _Comment, start: int, end: int, reason: str) -> None:
        self.mistakes.append(Problem("comment", self._span(comment, start, end), reason))

    def targets(self) -> tuple[tuple[Target, ...], tuple[Problem, ...]]:
        """One target per class that has comments, and the problems with them."""
        targets: dict[str, Target] = {}
        wrong = []
        for comment, target in self._targets:
            name = self._class_of(comment)
            try:
                if name is None:
                    raise UsageError("call= and input= belong on the line above a class, or at the end of its line")
                targets[name] = _joined(targets.get(name), replace(target, name=name))
            except UsageError as error:
                wrong.append(Problem("comment", self._span(comment, 0, len(comment.text)), str(error)))
        return tuple(targets.values()), tuple(wrong)

    def _class_of(self, comment: _Comment) -> str | None:
        """The class directly below a block of comments, or the one whose head contains the comment."""
        below = comment.line
        while below in self._alone:
            below += 1
        names = [cls.name for cls in self._classes if comment.alone and cls.first_line == below]
        names += [cls.name for cls in self._classes if cls.first_line <= comment.line < cls.body_line]
        return names[0] if names else None


def _target(said: str, line: int) -> Target:
    """Parse `call=... input=...`. Raises UsageError."""
    call, inputs = None, []
    rest = said
    while rest and not rest.startswith("#"):
        match = _TOLD.match(rest)
        if match is None:
            raise UsageError(f"{rest!r} is neither call=Net(64) nor input=NAME=SHAPE")
        rest = rest[match.end() :]
        if match[1] == "call":
            if call is not None:
                raise UsageError("call= is given twice")
            call, rest = call_in_front(rest)
        else:
            value, _, rest = rest.partition(" ")
            inputs.append(value)
        rest = rest.lstrip()
    return Target(None, call, check_inputs(tuple(inputs)), f"the comment in line {line}", line)


def _joined(first: Target | None, second: Target) -> Target:
    """Merge two comments on one class. Raises UsageError."""
    if first is None:
        return second
    if first.call is not None and second.call is not None:
        raise UsageError(f"{first.origin} has call= too")
    base = first if first.call is not None else second
    return replace(base, inputs=check_inputs(first.inputs + second.inputs))


def _advice(said: str) -> str:
    said = said.partition(" #")[0].rstrip()
    word = re.match(r"[\w-]*", said)
    assert word is not None
    if word[0] in ("ignore", "ignore-file"):
        return f"{said!r} is invalid; write {word[0]}[RL101, RL2], with the reason after a second #"
    nearest = difflib.get_close_matches(word[0].lower().replace("_", "-"), _WORDS, n=1)
    return f"{said!r} is invalid; " + (
        f"did you mean {nearest[0]}?" if nearest else "expected ignore, ignore-file, call= or input="
    )


def _last_lines(tree: ast.Module) -> dict[int, int]:
    last_lines = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(node.lineno, first_line(body[0]) - 1) if body else node.end_lineno or node.lineno
            last_lines.update(dict.fromkeys(range(node.lineno, last + 1), last))
    return last_lines
