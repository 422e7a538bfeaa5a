"""What a shell offers for a word that is being typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from resnet_lint.shared.errors import ResnetLintError


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of files and folders: the shell knows which there are."""
    return [CompletionItem(incomplete, type="file")]


def directories(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of folders."""
    return [CompletionItem(incomplete, type="dir")]


def rule_codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes of rules, the user's own included; where several are listed, for the last one."""
    before, comma, begun = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{code}", help=name) for code, name in _rules() if code.startswith(begun)]


def _rules() -> Iterator[tuple[str, str]]:
    from resnet_lint.rule_loader import load_rules

    from .configuration import load

    try:
        for rule in load_rules([str(folder) for folder in load({}, cwd=Path.cwd()).rules]):
            yield rule.code, rule.name
    except ResnetLintError:  # a shell has no place for it; the command itself will say what is wrong
        return
