"""Model files for tests of the worker, loaded and traced in the process of the test."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

import torch
from torch import nn

from resnet_lint.graph.node import Node
from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.shared.records.places import Shape
from resnet_lint.worker.build.build import build
from resnet_lint.worker.torch_quirks.where_built import noting_where_built
from resnet_lint.worker.tracer.trace import trace

HEAD = "import operator, torch\nimport torch.nn.functional as F\nfrom torch import nn\n"

# Python caches the lines of a file (linecache), so two tests must not write the same file.
_numbers = count()


def write_model(folder: Path, source: str) -> tuple[Path, CodeType]:
    """Write a new model file with this source after the usual imports; return its path and code."""
    path = folder / f"model{next(_numbers)}.py"
    path.write_text(HEAD + dedent(source), encoding="utf-8")
    return path, compile(path.read_text(encoding="utf-8"), str(path), "exec")


def net(forward: str, **layers: str) -> str:
    """The source of a class Net with these layers and this body of forward()."""
    lines = [
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *(f"        self.{name} = {layer}" for name, layer in layers.items()),
        "    def forward(self, x):",
        *(f"        {line}" for line in dedent(forward).strip().splitlines()),
    ]
    return "\n".join(lines) + "\n"


def record(folder: Path, source: str, *shapes: Shape, call: str = "Net()") -> Trace:
    """Write a model file, construct its model as the tool does, and trace it with inputs of these shapes."""
    path, code = write_model(folder, source)
    namespace: dict[str, Any] = {"__name__": path.stem}
    exec(code, namespace)
    project = Project(f"{folder}/")
    with noting_where_built(project):
        module: nn.Module = build(lambda: eval(call, namespace))
    return trace(module, [torch.empty(shape, device="meta") for shape in shapes], {}, project)


def nodes(trace: Trace, name: str) -> list[Node]:
    """The nodes of the calls of a function by its name, in order."""
    return [node for node in trace.nodes if node.spelling == name]


def source_of(node: Node) -> str:
    """The source of the expression that a node was recorded at."""
    text: str = node.known_point.text
    return text
