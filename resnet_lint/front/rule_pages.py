"""Where a rule is explained on the web: in its own file, as this version has it."""

from __future__ import annotations

import inspect
from pathlib import Path

from .. import HOMEPAGE, __version__
from ..rule import Rule
from ..rule_loader import built_in_folder


def page_of(rule: Rule) -> str | None:
    """The address of a built-in rule's file; None for the rules of a user's own folders."""
    file = Path(inspect.getfile(type(rule)))
    if file.parent != built_in_folder():
        return None
    return f"{HOMEPAGE}/blob/v{__version__}/rules/{file.name}"
