"""Shell completion of option values, and of lists of codes in fish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, FishComplete, add_completion_class

from resnet_lint.shared.errors import ResnetLintError

from .configuration import load


class _Fish(FishComplete):
    """click's own cuts completions off at the second comma, but lists of codes contain some."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


add_completion_class(_Fish)


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete files and directories; the shell lists them."""
    return [CompletionItem(incomplete, type="file")]


def directories(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete directories."""
    return [CompletionItem(incomplete, type="dir")]


def rule_codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete rule codes, including those of custom rules; in a comma-separated list, the last one."""
    before, comma, prefix = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{code}", help=name) for code, name in _rules() if code.startswith(prefix)]


def _rules() -> Iterator[tuple[str, str]]:
    from resnet_lint.rule_loader import load_rules

    try:
        for rule in load_rules([str(folder) for folder in load({}, cwd=Path.cwd()).rules]):
            yield rule.code, rule.name
    except ResnetLintError:  # the command will report it
        return
