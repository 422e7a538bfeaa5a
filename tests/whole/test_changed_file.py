"""A file that changes between two checks in one process: each result is for the current content."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from click.testing import CliRunner
from conftest import Lint

import resnet_lint
from resnet_lint.front.cli import main
from resnet_lint.shared.records.requests import CheckRequest
from resnet_lint.worker.check import analyse
from resnet_lint.worker.process.guard import Guard

# Both texts have the same length, so no size tells them apart.
RIGHT, WRONG = "nn.Conv2d(8, 8, 3, padding=1)", "nn.Conv2d(8, 9, 3, padding=1)"
ORDERS = pytest.mark.parametrize("texts", [(RIGHT, WRONG, RIGHT), (WRONG, RIGHT, WRONG)])
MODEL = """
import torch
from torch import nn
{imports}

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = {layer}

    def forward(self, x):
        return x + self.conv(x)


if __name__ == "__main__":
    Block()(torch.randn(2, 8, 16, 16))
"""
HELPER = "from torch import nn\n\n\ndef layer():\n    return {layer}\n"
LOG = """Traceback (most recent call last):
  File "{path}", line 12, in forward
    return x + self.conv(x)
RuntimeError: The size of tensor a (8) must match the size of tensor b (9) at non-singleton dimension 1
"""


def write(folder: Path, layer: str) -> Path:
    path = folder / "model.py"
    path.write_text(MODEL.format(imports="", layer=layer))
    return path


@ORDERS
def test_the_command_with_its_cache_and_worker(texts: tuple[str, ...], tmp_path: Path) -> None:
    for layer in texts:
        result = CliRunner().invoke(main, [str(write(tmp_path, layer))], prog_name="resnet-lint")
        assert ("RL101" in result.stdout) == (layer == WRONG)


@ORDERS
def test_trace_and_explain(texts: tuple[str, ...], lint: Lint, tmp_path: Path) -> None:
    for layer in texts:
        path = write(tmp_path, layer)
        assert ("FAULT" in lint("trace", path).stdout) == (layer == WRONG)
        log = tmp_path / "error.log"
        log.write_text(LOG.format(path=path))
        assert ("RL101" in lint("explain", log).stdout) == (layer == WRONG)


def test_a_notebook_gets_another_cell(lint: Lint, tmp_path: Path) -> None:
    sources, path = [MODEL.format(imports="", layer=WRONG)], tmp_path / "model.ipynb"
    for cell in (1, 2, 3):
        path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source} for source in sources]}))
        assert f"model.ipynb:cell {cell}:12:" in lint(path, "--format", "concise").stdout
        sources.insert(0, "# a note")


@ORDERS
def test_the_check_of_the_worker(texts: tuple[str, ...], tmp_path: Path) -> None:
    for layer in texts:
        found = analyse(CheckRequest(str(write(tmp_path, layer))), Guard())
        assert ("RL101" in {finding.rule for finding in found.findings}) == (layer == WRONG)


def test_the_check_of_the_worker_with_another_text_for_the_file(tmp_path: Path) -> None:
    path, text = write(tmp_path, RIGHT), MODEL.format(imports="", layer=WRONG)
    for source in (text, None, text):
        found = analyse(CheckRequest(str(path), source=source), Guard())
        assert ("RL101" in {finding.rule for finding in found.findings}) == (source is not None)


@ORDERS
def test_a_module_that_the_file_imports(
    texts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # as in the worker: bytecode has the time in seconds
    path, helper = tmp_path / "model.py", tmp_path / "layers_of_a_changed_file.py"
    path.write_text(MODEL.format(imports=f"from {helper.stem} import layer", layer="layer()"))
    for layer in texts:
        helper.write_text(HELPER.format(layer=layer))
        found = analyse(CheckRequest(str(path)), Guard())
        assert ("RL101" in {finding.rule for finding in found.findings}) == (layer == WRONG)


def test_a_model_of_this_process(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    for moved, layer in enumerate((WRONG, RIGHT, WRONG)):
        path.write_text("\n" * moved + MODEL.format(imports="", layer=layer))
        report = resnet_lint.check(imported(path).Block(), torch.empty(2, 8, 16, 16))
        assert [finding.span.start.line for finding in report.findings] == [12 + moved] * (layer == WRONG)
        assert ("return x + self.conv(x)" in str(report)) == (layer == WRONG)


def imported(path: Path) -> ModuleType:
    """The module of a file as it is, not as Python has compiled it before."""
    module = ModuleType("a_changed_file")
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return module
