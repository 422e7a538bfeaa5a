"""Runs models forward and backward, and prints what they give as JSON; run by `mutations.py`.

    python observe_model.py

A line of the standard input is a request: a JSON object with a `folder`, a `module` in it, an `expression` that is
evaluated in the module, and the `shape` of its input: `2x3x64x64`, or of several: `2x3x64x64,2`. The answer is a line
with the shapes of the outputs and of the state dict, and the number of additions; for a model that fails, with the
name of its `error`, which is empty if it takes too long. torch is imported once; a request runs in a new process.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, resolve_name

_SECONDS = 240


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


def observed(folder: str, module: str, expression: str, shape: str) -> dict[str, Any]:
    """What a model gives. Raises whatever the model raises."""
    sys.path.insert(0, folder)
    torch.set_num_threads(1)
    model = eval(expression, vars(importlib.import_module(module)))
    additions = _Additions()
    with additions:
        inputs = [torch.randn([int(size) for size in part.split("x")]) for part in shape.split(",")]
        outputs = list(_tensors(model(*inputs)))
    sum(output.float().sum() for output in outputs if output.requires_grad).backward()  # type: ignore[union-attr]
    return {
        "outputs": [list(output.shape) for output in outputs],
        "state": {name: list(value.shape) for name, value in model.state_dict().items()},
        "additions": additions.count,
    }


def _answer(request: dict[str, str]) -> str:
    """The answer to a request, from a child process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(_SECONDS)
        os.dup2(2, 1)  # what the model prints is no answer
        try:
            seen = observed(**request)
        except BaseException as error:
            seen = {"error": type(error).__name__}
        os.write(write, json.dumps(seen).encode())
        os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text or '{"error": ""}'


def main() -> None:
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(_answer(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
