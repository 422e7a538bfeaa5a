"""Parses tracebacks as people paste them: of Python, IPython and rich, from any system, whole or in part."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Terminal colours, also as in JSON or without the escape character, and the prefix of torchrun.
_NOISE = re.compile(r"(?:\x1b|\\u001b|\\x1b|\\033|\^\[)?\[\d+(?:;\d+)*m|\x1b\[m|^\[\w+\d+\]: ?", re.MULTILINE)

# A cell's output as a web page has it: `<span class="ansi-red-fg">`.
_TAG = re.compile(r"</?(?:a|br|code|div|pre|span)\b[^>]*>")

# A link in place of a file, as JupyterLab copies it: `File [~/models/net.py:31](http://localhost:8888/...#line=30)`.
_LINK = re.compile(r"^File \[([^\]\n]+)\]\([^)\n]*\)", re.MULTILINE)

# What a logger or a launcher puts before every line: a time, a rank, a quotation mark.
_PREFIX = re.compile(r'^(\S.*?)(?:Traceback \(most recent| *File "[^"\n]+", line \d)', re.MULTILINE)

# One pattern per traceback format. `statement` is the source line, where the format has it next to the place.
_FORMATS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        # Python. The beginning of the line is often cut off.
        r'(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in \S+)?(?:[ \t]*\n[ \t]*(?P<statement>(?!File )[^\n]*))?',
        # pytest, short and long, and warnings: `models/net.py:31: in forward`, `models/net.py:31: RuntimeError`
        r"^(?P<path>(?:[A-Za-z]:)?[^\s:\"][^:\n\"]*\.py):(?P<line>\d+): ?(?:in [^\n]*\n[ \t]+(?P<statement>[^\n]*)|"
        r"\w*(?:Error|Exception|Warning)\b|$)",
        # IPython 8 and newer: `File ~/models/net.py:31, in Block.forward(self, x)`
        r"^File (?P<path>[^\n]+?):(?P<line>\d+)(?:, in |\n)[^\n]*",
        # IPython 8 and newer, a cell: `Cell In[3], line 31, in Block.forward(self, x)`
        r"^(?P<path>Cell In ?\[\d+\]), line (?P<line>\d+)[^\n]*",
        # IPython 7: `~/models/net.py in forward(self, x)` or `<ipython-input-3-c0ffee> in <module>`, then an arrow
        r"^(?P<path>[^\s│][^\n]*?) in (?:\w+\(|<)[^\n]*\n(?:[^\n]*\n){0,6}?-+> (?P<line>\d+) +(?P<statement>[^\n]*)",
        # rich: `│ /models/net.py:31 in forward │`
        r"^│ (?P<path>\S+):(?P<line>\d+) in [^\n]*",
    )
)

# The line on which IPython and rich put an arrow: `---> 31     out += x`, `│ ❱ 31 │   out += x   │`.
_ARROW = re.compile(r"^(?:-+>|│? *❱) *(?P<line>\d+) *(?:│(?P<boxed>[^\n]*)|(?P<statement>[^\n]*))", re.MULTILINE)

_OF_MODULE = re.compile(r"\bin <module>")

_INSTALLED = re.compile(r"(?:site|dist)-packages$|python\d\.\d+$")


@dataclass(frozen=True)
class Frame:
    """A stack frame in a traceback: a file, a line, and its source if the traceback has it."""

    path: str
    line: int
    statement: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.path.replace("\\", "/")).parts


def cleaned(text: str) -> str:
    """The text without colours, HTML, links, and what is before every line."""
    text = _NOISE.sub("", text.replace("\r\n", "\n"))
    if "ansi-" in text:
        text = html.unescape(_TAG.sub("", text))
    return _without_prefixes(_LINK.sub(r"File \1", text))


def _without_prefixes(text: str) -> str:
    """The text without the prefixes of its lines, which may differ in their digits."""
    for prefix in {re.sub(r"\d+", r"\\d+", re.escape(match[1])) for match in _PREFIX.finditer(text)}:
        text = re.sub(f"^{prefix}", "", text, flags=re.MULTILINE)
    return text


def frames_in(text: str, message: int | None = None) -> list[Frame]:
    """The frames in a cleaned traceback, innermost last, without those of Python and of installed packages.

    `message` is the position of its error message.
    """
    matches = sorted(
        (match for pattern in _FORMATS for match in pattern.finditer(text)), key=lambda match: match.start()
    )
    frames = [_frame(match, text) for match in matches]
    if _is_innermost_first(matches) or _follow(message, matches, text):
        frames.reverse()
    return [frame for frame in frames if not any(_INSTALLED.match(part) for part in frame.parts)]


def _is_innermost_first(matches: Sequence[re.Match[str]]) -> bool:
    """Whether the outermost frame, that of a module, is the last one, as in the debugger of VS Code."""
    of_module = [_OF_MODULE.search(match[0]) is not None for match in matches]
    return len(matches) > 1 and of_module[-1] and not of_module[0]


def _follow(message: int | None, matches: Sequence[re.Match[str]], text: str) -> bool:
    """Whether all frames follow the message, as in a debugger: a traceback ends with it."""
    follow = message is not None and bool(matches) and message < matches[0].start()
    return follow and "most recent call last" not in text


def failing_statement(text: str, end: int) -> str:
    """The statement quoted last before a position: of an arrow, or the line above the one at the position."""
    before = text[:end].rpartition("\n")[0].splitlines()
    arrow = [match for match in _ARROW.finditer(text, 0, end)]
    if arrow:
        return _statement(arrow[-1])
    lines = [line.strip() for line in before if line.strip(" ^~─╯╰")]
    return lines[-1].removeprefix(">").strip("` ") if lines and re.search(r"[+=(@*]", lines[-1]) else ""


def found_here(frame: Frame, cwd: Path) -> Path | None:
    """The file of a frame: at its path, or below `cwd` at the longest existing suffix of its path; else None."""
    if (path := Path(frame.path).expanduser()).is_file():
        return path
    ends = (cwd.joinpath(*frame.parts[start:]) for start in range(1, len(frame.parts)))
    return next((end for end in ends if end.is_file()), None)


def _frame(match: re.Match[str], text: str) -> Frame:
    line = int(match["line"])
    statement = match.groupdict().get("statement") or ""
    if not statement:
        following = text[match.end() :].splitlines()[:12]
        arrows = (_ARROW.match(row.rstrip()) for row in following)
        statement = next((_statement(arrow) for arrow in arrows if arrow and int(arrow["line"]) == line), "")
    return Frame(match["path"].strip().removeprefix('File "'), line, statement.strip("` "))


def _statement(arrow: re.Match[str]) -> str:
    return (arrow["statement"] or arrow["boxed"] or "").strip(" │")
