"""Makes torch accept modules that are constructed with torch.SymInt instead of integers."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_FAKE_TENSORS = "torch._subclasses.fake_tensor"


@contextmanager
def symbolic_integers() -> Iterator[None]:
    """Inside the with block, torch.SymInt is an integer, and operations that fail on fake tensors are not logged.

    nn.LayerNorm, for example, checks whether its shape is a number or a sequence. SymInt remains registered as an
    integer after the block, because a class cannot be unregistered.
    """
    numbers.Integral.register(torch.SymInt)
    logger = logging.getLogger(_FAKE_TENSORS)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
