"""Code in IPython or Jupyter cells, which is in `linecache` but not in a file."""

from __future__ import annotations

import linecache
import re
import sys

# `<ipython-input-3-c0ffee>` in a terminal, `/tmp/ipykernel_4711/1234567.py` in a kernel.
_CELL = re.compile(r"<ipython-input-|.*[/\\]ipykernel_\d+[/\\]\d+\.py$")


def is_cell(path: str) -> bool:
    """Whether the file name of a code object refers to a cell of the running IPython."""
    return _CELL.match(path) is not None


def cell_name(path: str) -> str:
    """The name of a cell in IPython's tracebacks: `In[3]`; the path itself in other shells."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    name = shell.compile.format_code_name(path) if shell is not None else None
    return path if name is None else str(name[1])


def lines_of_cell(path: str) -> tuple[str, ...]:
    """The lines of a cell, without line endings."""
    return tuple(line.rstrip("\n") for line in linecache.getlines(path))
