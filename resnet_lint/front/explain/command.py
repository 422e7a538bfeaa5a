"""The command `explain`. Imports that take long are inside the function, to keep other commands fast."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from resnet_lint.shared.errors import UsageError

from ..options.completion import files


class _WithCommand(click.Command):
    """Keeps the words after `--`, a command to run, apart from the arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.params["command"], args = tuple(args[at + 1 :]), args[:at]
        return super().parse_args(ctx, args)


@click.command(cls=_WithCommand, options_metavar="", short_help="Explain a shape error from its traceback.")
@click.argument("log", required=False, metavar="[LOG | -- COMMAND...]", shell_complete=files)
def explain(log: str | None, command: tuple[str, ...] | None = None) -> int:
    """Explain a shape error from its traceback: in a file, on standard input, or of a command that is run.

    If the files in the traceback exist, they are checked, and the finding on the failing line is shown with its fix.
    Otherwise only the message is explained.

    Exit code 0: only the message was explained. 1: there is a finding. 2: the error could not be explained. With a
    command, its own exit code.
    """
    from .explain_traceback import explain_traceback
    from .run_command import run_and_explain

    if command is not None:
        if log is not None or not command:
            raise UsageError("name either a file or a command: resnet-lint explain -- python train.py")
        return run_and_explain(command)
    return explain_traceback(_read(log))


def _read(log: str | None) -> str:
    if log in (None, "-"):
        text = sys.stdin.read()
    else:
        try:
            text = Path(str(log)).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"cannot read {log}: {error.strerror}") from error
    if not text.strip():
        raise UsageError("the input is empty; paste the whole traceback")
    return text
