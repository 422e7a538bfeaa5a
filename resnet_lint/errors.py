"""The exceptions of the Python API.

UsageError is raised if a model cannot be copied or does not accept the inputs, with the reason in one line; it is a
ResnetLintError. FindingsError, an AssertionError, is raised by `Report.raise_for_findings`.
"""

from .live import FindingsError
from .shared.errors import ResnetLintError, UsageError

__all__ = ["FindingsError", "ResnetLintError", "UsageError"]
