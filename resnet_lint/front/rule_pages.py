"""Links to the documentation of rules: the source file of the rule in this version."""

from __future__ import annotations

import inspect
from pathlib import Path

from .. import HOMEPAGE, __version__
from ..rule import Rule
from ..rule_loader import built_in_folder


def page_of(rule: Rule) -> str | None:
    """The URL of a built-in rule's file; None for custom rules."""
    file = Path(inspect.getfile(type(rule)))
    if file.parent != built_in_folder():
        return None
    return f"{HOMEPAGE}/blob/v{__version__}/rules/{file.name}"
