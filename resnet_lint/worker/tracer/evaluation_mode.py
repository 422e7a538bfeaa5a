"""Puts a module into evaluation mode, also where the user's class has a `train` of its own."""

from __future__ import annotations

from torch import nn


def evaluation_mode(module: nn.Module) -> nn.Module:
    """The module in evaluation mode."""
    try:
        module.eval()
    except TypeError:  # the user's train() is another thing than torch's
        for part in nn.Module.modules(module):
            part.training = False
    return module  # not what eval() returns: a train() that freezes normalizations may return nothing
