"""The tool's exceptions.

    ResnetLintError             one clear line for the user; the command ends with exit code 2
    |- UsageError               a path, an option or a value on the command line is wrong
    |- ConfigError              [tool.resnet-lint] is wrong
    |- WorkerError              the interpreter that loads the models cannot be used
    |  `- ToolFault             a fault of the tool itself on one file; the others are not touched
    `- FileNotWritten           a fix cannot be written into its file; the others are not touched

What a user's file does wrong is never an exception of this tree: it is a finding.
"""

from __future__ import annotations


class ResnetLintError(Exception):
    """Something that keeps the tool from doing its work; its text is one line for the user."""


class UsageError(ResnetLintError):
    """The command line asks for something that does not exist or makes no sense."""


class ConfigError(ResnetLintError):
    """The configuration has an unknown key or a value of the wrong type."""


class WorkerError(ResnetLintError):
    """The worker process cannot start or died outside the user's code."""


class ToolFault(WorkerError):
    """The worker failed on one file in the tool's own code; it serves the next file all the same."""


class FileNotWritten(ResnetLintError):
    """A file cannot be written, or has changed since it was read, so its fix is left out."""
