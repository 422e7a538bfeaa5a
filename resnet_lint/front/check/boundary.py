"""Limits an internal error to the file that is checked, fixed or reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from resnet_lint.shared.errors import FileNotWritten, ResnetLintError, ToolFault

from ..exit import fault_line


class Boundary:
    """Records exceptions as lines in `faults`, so that the run continues."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    @contextmanager
    def around(self, file: str) -> Iterator[None]:
        """Catch exceptions in the with block, except for those that end the run."""
        try:
            yield
        except (ToolFault, FileNotWritten) as error:
            self.faults.append(str(error))
        except (ResnetLintError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic in libcst's parser is not an Exception
            self.faults.append(fault_line(error, file))
