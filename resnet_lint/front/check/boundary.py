"""What is raised while one file is checked, fixed or reported costs that file alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from resnet_lint.shared.errors import FileNotWritten, ResnetLintError, ToolFault

from ..exit import fault_line


class Boundary:
    """Takes note of what is raised, as a line in `faults`, and lets the run go on."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    @contextmanager
    def around(self, file: str) -> Iterator[None]:
        """Stop at the end of the block what is raised in it, but for what ends the run whatever the file."""
        try:
            yield
        except (ToolFault, FileNotWritten) as error:
            self.faults.append(str(error))
        except (ResnetLintError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of libcst's parser is no Exception
            self.faults.append(fault_line(error, file))
