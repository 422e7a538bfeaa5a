"""Starts the processes that stay on demand, if the setting `warm` is on, and uses them or not."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from resnet_lint.shared.errors import ResnetLintError
from resnet_lint.shared.records.requests import Interpreter

from ..options.settings import Settings
from ..terminal import noting
from ..workers.worker_process import WorkerProcess, started
from . import process
from .command_line import OWNER
from .worker import WarmOrOwn

_STAY = ["-P", "-m", "resnet_lint.front.stay"]
_IN_CI = "CI"
"""The variable that all CI services set. Nothing outlives a job there, so the file does not start anything."""


def provider(settings: Settings) -> Callable[[Interpreter], WorkerProcess]:
    """Provides the workers of a run: of processes that stay, unless that is off on the command line."""
    if "warm" in settings.given and not settings.warm:
        return started
    return WarmOrOwn(noting(settings.verbose), starts=_starts(settings))


def keep_tool_loaded(settings: Settings) -> None:
    """Start the process that has the tool loaded, unless it runs, for later runs; does not wait for it."""
    if not _starts(settings) or sys.orig_argv[1:4] == _STAY:  # it runs this command
        return
    try:
        process.launch(*tool())
    except (OSError, ResnetLintError) as error:
        noting(settings.verbose)(f"{error}; nothing stays for the next run")


def tool() -> tuple[str, str, list[str]]:
    """The owner, the key and the command of the process that has the tool loaded."""
    return f"{OWNER} of {sys.executable}", process.own_key(), [sys.executable, *_STAY]


def _starts(settings: Settings) -> bool:
    return sys.platform != "win32" and settings.warm and ("warm" in settings.given or not os.environ.get(_IN_CI))
