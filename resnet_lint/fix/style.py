"""How a file writes things: how it reaches torch.nn, and how it indents."""

from __future__ import annotations

import re

from .source import Source


class Style:
    """The habits of one file."""

    def __init__(self, source: Source) -> None:
        self._text = source.text
        self.indent: str = source.module.default_indent

    @property
    def nn(self) -> str:
        """What stands before the name of a layer: `nn.`, `torch.nn.`, or nothing where layers are imported by name."""
        if re.search(r"^\s*(from torch import .*\bnn\b|import torch\.nn as nn\b)", self._text, re.MULTILINE):
            return "nn."
        alias = re.search(r"^\s*import torch\.nn as (\w+)", self._text, re.MULTILINE)
        if alias is not None:
            return f"{alias[1]}."
        if re.search(r"^\s*import torch\b", self._text, re.MULTILINE):
            return "torch.nn."
        return ""

    @property
    def identity(self) -> str:
        """The module that does nothing, in the form that the file can reach without a further import."""
        if not self.nn and not re.search(r"\bIdentity\b", self._text):
            return "Sequential()"
        return f"{self.nn}Identity()"

    @property
    def functional(self) -> str:
        """What stands before `interpolate`."""
        alias = re.search(r"^\s*import torch\.nn\.functional as (\w+)", self._text, re.MULTILINE)
        if alias is not None:
            return f"{alias[1]}."
        by_name = re.search(r"^\s*from torch\.nn import .*\bfunctional as (\w+)", self._text, re.MULTILINE)
        return f"{by_name[1]}." if by_name is not None else f"{self.nn}functional."
