"""The entry point of `resnet-lint`: hands the command over to a process that has the tool loaded, if there is one."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line of this process."""
    gc.set_threshold(100_000)  # little of what is imported is garbage, and searching it takes a tenth of the time
    code = None
    if sys.platform != "win32":
        from .warm.command_line import handed_over

        code = handed_over(sys.argv[1:])
    if code is None:
        from .cli import main as run

        run()
    sys.exit(code)
