"""Converts a Jupyter notebook to Python source: its code cells in order, with IPython syntax commented out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SUFFIX = ".ipynb"

# A line of IPython syntax: a magic, a shell command, help, or an assignment of one of them.
_MAGIC = re.compile(r"\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w, ]+=\s*[!%])")
# Cell magics for cells that are still Python; others contain another language, or are written to a file.
_PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%memit")


@dataclass(frozen=True)
class Notebook:
    """The source of a notebook, and for each code cell its number among all cells (from 1) and its first line."""

    text: str
    cells: tuple[tuple[int, int], ...]

    def place(self, line: int) -> tuple[int, int]:
        """The cell of a line of the source, and the line in that cell, both from 1."""
        number, first = next((cell for cell in reversed(self.cells) if cell[1] <= line), (1, 1))
        return number, line - first + 1


def is_notebook(path: str | Path) -> bool:
    """Whether a file is a notebook, according to its name."""
    return str(path).endswith(SUFFIX)


def read_notebook(data: bytes) -> Notebook:
    """Read a notebook. Raises ValueError with the reason if it is invalid."""
    try:
        cells = json.loads(data)["cells"]
        sources = [(number, _source(cell)) for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not a notebook: {error}") from error
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a notebook: it has no list of cells with a type and a source") from error
    return joined(sources)


def joined(sources: Iterable[tuple[int, str]]) -> Notebook:
    """The notebook with these code cells: their numbers and sources."""
    lines: list[str] = []
    starts = []
    for number, source in sources:
        starts.append((number, len(lines) + 1))
        lines += _python(source.split("\n"))
    return Notebook("".join(f"{line}\n" for line in lines), tuple(starts))


def _source(cell: dict[str, object]) -> str:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)  # type: ignore[arg-type]
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _python(lines: list[str]) -> list[str]:
    """The lines of a cell as Python; the number of lines does not change."""
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(_PYTHON_MAGICS):
        return [f"# {line}" for line in lines]
    python: list[str] = []
    continues = False
    for line in lines:
        is_magic = continues or _MAGIC.match(line) is not None
        python.append(f"# {line}" if continues else _comment(line) if is_magic else line)
        continues = is_magic and line.rstrip().endswith("\\")
    return python


def _comment(line: str) -> str:
    """Comment out a line; an indented one becomes `pass`, in case it is the only statement of its block."""
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass  # {line.strip()}" if indent else f"# {line}"


def notebook_at(path: str) -> Notebook:
    """The notebook of a file as it is now; an empty one if it cannot be read."""
    try:
        stat = os.stat(path)
        return _notebook_at(path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    except (OSError, ValueError):
        return Notebook("", ())


@lru_cache(maxsize=8)
def _notebook_at(path: str, *stamp: int) -> Notebook:
    return read_notebook(Path(path).read_bytes())


def place_in(path: str, line: int) -> str:
    """Format a line for reports: `31`, or `cell 3:5` in a notebook."""
    cell, inside = cell_of(path, line)
    return str(line) if cell is None else f"cell {cell}:{inside}"


def cell_of(path: str, line: int) -> tuple[int | None, int]:
    """The cell of a line and the line in it; the cell is None for other files, and notebooks that cannot be read."""
    notebook = notebook_at(path) if is_notebook(path) else None
    return notebook.place(line) if notebook is not None and notebook.cells else (None, line)
