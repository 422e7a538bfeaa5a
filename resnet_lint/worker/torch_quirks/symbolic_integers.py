"""What torch does not expect of modules that are built with torch.SymInt in place of numbers."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_FAKE_TENSORS = "torch._subclasses.fake_tensor"


@contextmanager
def symbolic_integers() -> Iterator[None]:
    """Inside the block torch.SymInt counts as an integer, and operations that fail on fake tensors are not logged.

    nn.LayerNorm, for one, checks whether its shape is a number or a sequence. A class cannot be unregistered, so that
    much stays after the block.
    """
    numbers.Integral.register(torch.SymInt)
    logger = logging.getLogger(_FAKE_TENSORS)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
