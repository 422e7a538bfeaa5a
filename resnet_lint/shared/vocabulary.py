"""The usual names for the parts of a skip connection.

Names are either split into words (`words_in`) or searched for parts of words.
"""

from __future__ import annotations

import re

# --- words ------------------------------------------------------------------------------------------------------------


def words_in(name: str) -> frozenset[str]:
    """The words of an identifier: res and block in ResBlock, x and orig in x_orig."""
    return frozenset(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name))


MODULES = ("shortcut", "downsample", "projection", "proj", "skip")
"""A module on the shortcut, likeliest name first: `self.downsample = nn.Conv2d(...)`."""

SAVED = frozenset({"identity", "shortcut", "skip"})
"""The input of the block, kept for the addition: `identity = x`."""

RESIDUALS = frozenset({"res", "resid", "residual"})
"""Also the input of the block, although the residual in the paper is what is added to it."""

ORIGINALS = frozenset({"orig", "original"})
"""The input of the block, or any value that is modified later."""

BLOCKS = frozenset({"block", "bottleneck"})
"""A class that should have a skip connection."""

BRANCHES = frozenset({"path", "branch", "function", "body", "inner"})
"""A class or module that is the residual branch alone; its caller adds."""


# --- parts of words ---------------------------------------------------------------------------------------------------

_MODULE = r"downsample|short|skip"
_INPUT = r"identity|residual"

SHORTCUT_ATTRIBUTE = re.compile(rf"(?i:{_MODULE}|proj|identity|res(idual)?_?conv)")
"""An attribute or a variable that holds the shortcut's module; `residual` alone may be that of the branch."""

SHORTCUT_LAYER = re.compile(rf"{_MODULE}|proj|{_INPUT}|\bsc\b", re.IGNORECASE)
"""The path of a layer inside its block: `shortcut.0`, `conv_skip`, `sc`."""

SHORTCUT_PARAMETER = re.compile(rf"{_MODULE}|projection|^proj|{_INPUT}|^sc$")
"""A constructor's parameter through which the caller may pass the shortcut; `out_proj` is that of an attention."""

RESIDUAL_CLASS = re.compile(r"_*(Res(idual)?(?![a-z])\w*(Block|Unit|Bottleneck)|Resblock|Residual)\w*")
"""A residual block by its whole name; not a Resample, not a LowRes, and not what a block adds its input to."""
