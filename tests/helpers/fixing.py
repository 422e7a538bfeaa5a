"""Model files for tests of the fixes: written to a file, fixed through the command line, and executed."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from conftest import Lint, command_line
from torch import nn

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.places import Shape

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"


@dataclass(frozen=True)
class Change:
    """What `--fix` made of a file, line by line: white space at both ends of a line left out."""

    before: bytes
    after: bytes

    @property
    def removed(self) -> list[str]:
        return [line[1:].strip() for line in self._diff if line[0] == "-"]

    @property
    def added(self) -> list[str]:
        return [line[1:].strip() for line in self._diff if line[0] == "+"]

    @property
    def _diff(self) -> list[str]:
        old, new = ([line.decode("latin-1") for line in lines(data)] for data in (self.before, self.after))
        return list(difflib.unified_diff(old, new, n=0))[2:]


def lines(data: bytes) -> list[bytes]:
    """The lines of a file with their ends, as Python counts them: a form feed ends none."""
    return data.splitlines(keepends=True)


def main_block(call: str, shape: Sequence[int]) -> str:
    """The part of a file that shows how its model is built and run."""
    return f'\n\nif __name__ == "__main__":\n    model = {call}\n    print(model(torch.randn{tuple(shape)}).shape)\n'


def block(
    layers: Sequence[str],
    forward: Sequence[str],
    *,
    arguments: str = "cin, cout, stride",
    call: str = "Block(4, 8, 2)",
    shape: Sequence[int] = (2, 4, 8, 8),
    head: str = HEAD,
) -> str:
    """The source of a file with one class, Block, with these statements in its constructor and its forward."""
    init = "".join(f"        {line}\n" for line in layers)
    body = "".join(f"        {line}\n" for line in forward)
    return (
        f"{head}class Block(nn.Module):\n    def __init__(self, {arguments}):\n        super().__init__()\n{init}\n"
        f"    def forward(self, x):\n{body}{main_block(call, shape)}"
    )


def write(folder: Path, source: str | bytes, name: str = "model.py") -> Path:
    """A file with exactly this text."""
    path = folder / name
    path.write_bytes(source if isinstance(source, bytes) else dedent(source).encode())
    return path


def fix(lint: Lint, path: Path, *options: str) -> Change:
    """Run `--fix`, which has to leave no finding."""
    before = path.read_bytes()
    result = lint(path, "--fix", *options)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return Change(before, path.read_bytes())


def fix_twice(lint: Lint, path: Path) -> Change:
    """Run `--fix` and run it again, which has to find nothing to do."""
    change = fix(lint, path)
    again = fix(lint, path)
    assert again.after == change.after
    return change


def fixed_texts(texts: Mapping[str, str], folder: Path, workers: WorkerClient) -> dict[str, str]:
    """Write a file for each text into a folder, fix them in one run, and return their texts by name."""
    paths = {name: folder / f"{name.replace(' ', '_')}.py" for name in texts}
    for name, path in paths.items():
        path.write_text(texts[name])
    with pytest.MonkeyPatch.context() as patch:
        command_line(workers, patch)(folder, "--fix", "--timeout", "600")
    return {name: path.read_text() for name, path in paths.items()}


def findings(lint: Lint, path: Path) -> list[dict[str, Any]]:
    """The findings of a plain check of a file."""
    found: list[dict[str, Any]] = json.loads(lint(path, "--format", "json").stdout)["findings"]
    return found


def load(path: Path) -> dict[str, Any]:
    """The names that a file defines, its main block left out."""
    namespace: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_bytes(), str(path), "exec"), namespace)
    return namespace


def build(path: Path, call: str) -> nn.Module:
    """A model of a file."""
    model: nn.Module = eval(call, load(path))
    return model


def output_shape(path: Path, call: str, shape: Sequence[int]) -> Shape:
    """Run a model of a file forward and backward on the CPU: no parameter may be left without a gradient."""
    model = build(path, call)
    out: torch.Tensor = model(torch.randn(tuple(shape)))
    torch.autograd.backward(out.square().mean())
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    return tuple(out.shape)
