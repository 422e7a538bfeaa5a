"""`resnet-lint rules`: the list of rules, or one of them explained."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..shared.errors import UsageError
from .options.settings import load

if TYPE_CHECKING:
    from ..rule import Rule


@click.command()
@click.argument("code", required=False)
def rules(code: str | None) -> None:
    """List the rules, or explain one with a bad and a good example."""
    from ..rule_loader import load_rules

    folders = [str(folder) for folder in load({}, cwd=Path.cwd()).rules]
    known = load_rules(folders)
    click.echo(_list(known) if code is None else _explain(_find(code, known)))


def _list(known: tuple[Rule, ...]) -> str:
    from tabulate import tabulate

    return tabulate([(rule.code, rule.name, rule.severity) for rule in known], ["code", "name", "severity"])


def _find(code: str, known: tuple[Rule, ...]) -> Rule:
    from ..apply_rules import nearest_code

    for rule in known:
        if rule.code == code:
            return rule
    raise UsageError(f"no rule has the code {code!r}; {nearest_code(code, [rule.code for rule in known])}")


def _explain(rule: Rule) -> str:
    parts = [f"{rule.code} {rule.name} ({rule.severity})", inspect.getdoc(rule) or ""]
    for title, cases in (("Bad", rule.bad), ("Good", rule.good)):
        case = next((case for case in cases if case.code.strip()), None)  # one shows the point; the rest are tests
        if case is not None:
            parts += [f"{title}: {case.name}", textwrap.indent(textwrap.dedent(case.code).strip(), "    ")]
    return "\n\n".join(parts)
