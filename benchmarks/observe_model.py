"""Runs a model forward and backward, and prints what it gives as JSON; run by `mutations.py` in a process of its own.

    python observe_model.py FOLDER MODULE EXPRESSION SHAPE

`EXPRESSION` is evaluated in the module, and SHAPE is that of its input: `2x3x64x64`, or of several: `2x3x64x64,2`.
Printed are the shapes of the outputs and of the state dict, and the number of additions.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, resolve_name


class _Additions(TorchFunctionMode):
    """Counts additions of two tensors of the same rank above 1."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = (resolve_name(function) or "").rpartition(".")[2]
        operands = [value for value in args[:2] if isinstance(value, torch.Tensor) and value.ndim > 1]
        if name in ("add", "add_", "__add__", "__iadd__", "__radd__") and len(operands) == 2:
            self.count += operands[0].ndim == operands[1].ndim
        return function(*args, **(kwargs or {}))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def main(folder: str, module: str, expression: str, shape: str) -> None:
    sys.path.insert(0, folder)
    model = eval(expression, vars(importlib.import_module(module)))
    additions = _Additions()
    with additions:
        inputs = [torch.randn([int(size) for size in part.split("x")]) for part in shape.split(",")]
        outputs = list(_tensors(model(*inputs)))
    sum(output.float().sum() for output in outputs if output.requires_grad).backward()  # type: ignore[union-attr]
    seen = {
        "outputs": [list(output.shape) for output in outputs],
        "state": {name: list(value.shape) for name, value in model.state_dict().items()},
        "additions": additions.count,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
