"""The documentation of a rule for SARIF: short and full, as plain text and Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from resnet_lint.front.rule_pages import page_of
from resnet_lint.rule import Rule

_HEADING = re.compile(r"^(What it does|Why is this bad|Example|Use instead|Fix safety): *\n?", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")


def help_of(rule: Rule) -> dict[str, Any]:
    """The texts of a SARIF reportingDescriptor; a rule without documentation is described by its name."""
    text = inspect.cleandoc(type(rule).__doc__ or rule.name)
    sections = _sections(text)
    what = _prose(sections.get("What it does", text.split("\n\n")[0]))
    why = _prose(sections.get("Why is this bad", ""))
    page = page_of(rule)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": _SENTENCE_END.split(what)[0]},
        "fullDescription": {"text": f"{what} {why}".strip()},
        "help": {"text": text, "markdown": "\n\n".join(_markdown(sections)) or text},
        **({"helpUri": page} if page is not None else {}),
    }


def _sections(text: str) -> dict[str, str]:
    """The sections of a rule's docstring by heading, with their indentation."""
    _, *parts = _HEADING.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _prose(text: str) -> str:
    line = " ".join(text.split())
    return line[:1].upper() + line[1:]


def _markdown(sections: dict[str, str]) -> Iterator[str]:
    for heading, text in sections.items():
        yield f"## {heading}"
        is_code = heading in ("Example", "Use instead")
        yield f"```\n{textwrap.dedent(text).strip()}\n```" if is_code else _prose(text)
