"""Runs a command, passes its error output through, and explains the traceback with which it fails."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Sequence

import click

from resnet_lint.shared.errors import UsageError

from ..exit import fail
from .explain_traceback import explain_traceback

_MOST_CHUNKS = 2000


def run_and_explain(command: Sequence[str]) -> int:
    """Run a command; if it fails, explain the end of its error output. Returns its exit code.

    Raises UsageError if it cannot be run.
    """
    code, text = _run(command)
    if code == 0:
        return 0
    click.echo(err=True)
    try:
        explain_traceback(text, err=True)
    except UsageError as error:
        fail(str(error))
    return code if code > 0 else 128 - code  # as a shell reports a signal


def _run(command: Sequence[str]) -> tuple[int, str]:
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
    except OSError as error:
        raise UsageError(f"cannot run {command[0]}: {error.strerror}") from error
    assert process.stderr is not None
    last: deque[bytes] = deque(maxlen=_MOST_CHUNKS)
    while chunk := process.stderr.read1():  # type: ignore[attr-defined]
        last.append(chunk)
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
    return process.wait(), b"".join(last).decode(errors="replace")
