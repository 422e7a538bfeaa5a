"""Renders self-contained HTML pages with jinja2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_SHARED = Path(__file__).parent


def render(template: Path, **fields: Any) -> str:
    """Render a template; it may include the files of its own folder and of this one. Needs jinja2."""
    import jinja2

    loader = jinja2.FileSystemLoader([template.parent, _SHARED])
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["unbroken"] = unbroken
    return environment.get_template(template.name).render(**fields)


def colours() -> str:
    """The CSS variables of all colours, light and dark."""
    return (_SHARED / "colours.css").read_text(encoding="utf-8")


def unbroken(text: str) -> str:
    """Replace the spaces inside shapes by no-break spaces: `(2, 64, 8, 8)`, `8 x 8 x 64`."""
    return re.sub(r" x (?=\w)|(?<=\w), (?=[^()]*\))", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
