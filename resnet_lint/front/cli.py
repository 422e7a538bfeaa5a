"""The command-line interface."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from .. import __version__
from ..shared.errors import ResnetLintError
from .check.command import check
from .check.merge_command import merge
from .exit import fail, fault_line
from .explain.command import explain
from .mcp.command import mcp
from .options.completion import files
from .rules_command import rules
from .run.commands import metrics, run
from .scan.command import report, scan
from .server.command import server
from .trace.command import trace

_INTERRUPTED = 130


class _Commands(click.Group):
    """A group with the default command `check` that reports errors as one line on stderr."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {*self.commands, *ctx.help_option_names, "--version"}
        is_first_word_typed = ctx.resilient_parsing and not args
        if not is_first_word_typed and (not args or args[0] not in own):
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands and the arguments of `check`, whose name may be omitted."""
        usual = check.make_context("check", [], parent=ctx, resilient_parsing=True)
        # Files come first, because bash drops the completions before them.
        paths = [] if incomplete.startswith("-") else files(usual, check.params[0], incomplete)
        return [*paths, *super().shell_complete(ctx, incomplete), *check.shell_complete(usual, incomplete)]

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            code = fail("interrupted", _INTERRUPTED)
        except click.ClickException as error:
            code = fail(error.format_message())
        except ResnetLintError as error:
            code = fail(str(error))
        except Exception as error:
            code = fail(fault_line(error))
        if standalone_mode:
            sys.exit(code)
        return code


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """A linter for skip connections in PyTorch models.

    `resnet-lint PATH...` is short for `resnet-lint check PATH...`. For a file or directory with the name of a command,
    write ./check.
    """


for command in (check, rules, explain, trace, run, metrics, merge, scan, report, server, mcp):
    main.add_command(command)
