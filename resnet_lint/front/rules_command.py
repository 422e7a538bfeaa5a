"""`resnet-lint rules`: lists the rules, or explains one."""

from __future__ import annotations

import inspect
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..shared.errors import UsageError
from .options.completion import rule_codes
from .options.configuration import load

if TYPE_CHECKING:
    from ..rule import Rule


@click.command()
@click.argument("code", required=False, shell_complete=rule_codes)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="Output format.")
def rules(code: str | None, form: str) -> None:
    """List all rules or those with a prefix (RL1), or explain one rule with a bad and a good example."""
    from ..rule_loader import load_rules

    folders = [str(folder) for folder in load({}, cwd=Path.cwd()).rules]
    found = _found(code or "", load_rules(folders))
    if form == "json":
        click.echo(_as_json(found))
    elif code == found[0].code:
        click.echo(_explain(found[0]))
    else:
        click.echo(_list(found))


def page_text(code: str, known: tuple[Rule, ...]) -> str:
    """The page of one rule, with a bad and a good example. Raises UsageError if there is no such rule."""
    return _explain(_found(code, known)[0])


def _found(code: str, known: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rules with this code or prefix, sorted by code. Raises UsageError if there are none."""
    from ..apply_rules import nearest_code

    found = tuple(rule for rule in known if rule.code.startswith(code))
    if not found:
        raise UsageError(f"no rule has the code {code!r}; {nearest_code(code, [rule.code for rule in known])}")
    return found


def _list(found: tuple[Rule, ...]) -> str:
    from tabulate import tabulate

    from .report_text import linked
    from .rule_pages import page_of
    from .terminal import is_terminal

    links = is_terminal(sys.stdout)
    rows = [
        (linked(rule.code, page_of(rule) if links else None), rule.name, rule.severity, "yes" if rule.fixable else "")
        for rule in found
    ]
    return tabulate(rows, ["code", "name", "severity", "fixable"])


def _as_json(found: tuple[Rule, ...]) -> str:
    from .rule_pages import page_of

    listed = [
        {
            "code": rule.code,
            "name": rule.name,
            "severity": rule.severity,
            "fixable": rule.fixable,
            "url": page_of(rule),
            "explanation": inspect.getdoc(rule) or "",
        }
        for rule in found
    ]
    return json.dumps(listed, indent=2)


def _explain(rule: Rule) -> str:
    from .rule_pages import page_of

    fixable = ", fixable" if rule.fixable else ""
    parts = [f"{rule.code} {rule.name} ({rule.severity}{fixable})", inspect.getdoc(rule) or ""]
    for title, cases in (("Bad", rule.bad), ("Good", rule.good)):
        case = next((case for case in cases if case.code.strip()), None)  # one example is enough; the others are tests
        if case is not None:
            parts += [f"{title}: {case.name}", textwrap.indent(case.text.strip(), "    ")]
    if (page := page_of(rule)) is not None:
        parts.append(page)
    return "\n\n".join(parts)
