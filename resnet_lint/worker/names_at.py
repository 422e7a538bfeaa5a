"""Lists the names in the user's source near an error."""

from __future__ import annotations

import linecache
import re

from resnet_lint.graph.source_places import Point

from .traceback_lines import line_of


def names_at(error: BaseException) -> list[str]:
    """The names near an error, nearest first: in the failing expression, in its line, then in those of the callers."""
    texts: list[str] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        line = linecache.getline(code.co_filename, line_of(step))
        texts[:0] = [Point(code, step.tb_lasti).text, line]
        step = step.tb_next
    return list(dict.fromkeys(name for text in texts for name in re.findall(r"[A-Za-z_]\w*", text)))
