"""The transforms of `torch.func`, such as `vmap` and `grad`.

Their tensors wrap others and are valid only inside of the transform, so a module called there cannot be traced on its
own: the interpreter crashes.
"""

from __future__ import annotations

import torch


def is_transformed() -> bool:
    """Whether the current code runs below a transform of `torch.func`."""
    return torch._C._functorch.peek_interpreter_stack() is not None
