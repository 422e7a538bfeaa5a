"""The tool's exceptions.

    ResnetLintError             reported in one line; exit code 2
    |- UsageError               invalid path, option or value on the command line
    |- ConfigError              [tool.resnet-lint] is invalid
    |- WorkerError              the interpreter that loads the models is unusable
    |  `- ToolFault             a bug of resnet-lint; affects one file only
    `- FileNotWritten           a fix cannot be written; affects one file only

Errors in the user's files are findings, never exceptions of this hierarchy.
"""

from __future__ import annotations


class ResnetLintError(Exception):
    """Base class; the message is one line for the user."""


class UsageError(ResnetLintError):
    """Invalid command line."""


class ConfigError(ResnetLintError):
    """Unknown key or invalid value in the configuration."""


class WorkerError(ResnetLintError):
    """The worker process cannot start, or died outside the user's code."""


class ToolFault(WorkerError):
    """A bug in resnet-lint on one file; the worker continues with the next file."""


class FileNotWritten(ResnetLintError):
    """A file cannot be written, or has changed since it was read; its fix is skipped."""
