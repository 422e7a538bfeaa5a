"""Files that the user's code opens by a relative path, whatever the working directory of the check."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import TypeVar

from .package import folder_with

Result = TypeVar("Result")


def where_files_are(run: Callable[[], Result], root: str) -> Result:
    """Run some code; if it does not find a file, again in the folder of the project from which its path leads there.

    Raises what the code raises.
    """
    try:
        return run()
    except FileNotFoundError as error:
        folder = folder_with(error.filename, Path(root))
        if folder is None:
            raise
    with chdir(folder):
        return run()
