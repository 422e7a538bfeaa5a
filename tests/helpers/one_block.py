"""A file with a residual block, for tests of the servers: between different channels, its addition fails."""

from __future__ import annotations

_SOURCE = """import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)COMMENT


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(16, OUT)

    def forward(self, x):
        return self.block(x)


Net()(torch.randn(2, 16, 32, 32))
"""


def one_block(cout: int, comment: str = "") -> str:
    """The source of a model whose block maps 16 channels to `cout`, with a comment after the addition."""
    return _SOURCE.replace("OUT", str(cout)).replace("COMMENT", f"  # {comment}" if comment else "")
