"""The IPython extension, in a real Jupyter kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

nbclient: Any = pytest.importorskip("nbclient")
nbformat: Any = pytest.importorskip("nbformat")
CellExecutionError: Any = nbclient.exceptions.CellExecutionError

ROOT = Path(__file__).parents[2]

NET = """\
%%resnet_lint
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(4, width, 1)

    def forward(self, x):
        return x + self.conv(x)

model = Net({width})
{last}
"""


class Kernel:
    """A running kernel with the extension loaded."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.cells = 0

    def run(self, source: str) -> tuple[str, list[str]]:
        """Run a cell: what it printed, and the HTML that it displayed. Raises CellExecutionError."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        self.cells += 1
        self.client.execute_cell(cell, self.cells - 1)
        printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
        return printed, [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("IPYTHONDIR", str(folder))
        # A kernel of this interpreter, whatever kernels the machine has.
        client = nbclient.NotebookClient(
            nbformat.v4.new_notebook(), timeout=120, resources={"metadata": {"path": str(folder)}}
        )
        with client.setup_kernel():
            started = Kernel(client)
            started.run("%load_ext resnet_lint")
            started.run(NET.format(width=4, last=""))  # what the tests name: each may be the first one of its process
            yield started


def test_the_models_of_a_cell(kernel: Kernel) -> None:
    printed, [html] = kernel.run(NET.format(width=8, last="print('it ran')"))
    assert printed == "it ran\n"
    assert f"In[{kernel.cells}]:11:16: error: RL101 cannot add" in html
    assert "\n11 |         return x + self.conv(x)\n" in html
    assert "cause, line 11: conv: 4 -&gt; 8 channels" in html
    _, [right] = kernel.run(NET.format(width=4, last=""))
    assert "0 errors, 0 warnings; 1 class checked" in right


def test_a_model_and_its_inputs(kernel: Kernel) -> None:
    kernel.run("wrong = Net(8)")
    _, [guessed] = kernel.run("%resnet_lint wrong")
    assert "RL101" in guessed
    _, [given] = kernel.run("%resnet_lint wrong, torch.zeros(5, 4, 9, 9)")
    assert "(5, 8, 9, 9)" in given


def test_a_model_is_checked_even_if_the_cell_fails(kernel: Kernel) -> None:
    with pytest.raises(CellExecutionError) as caught:
        kernel.run(NET.format(width=8, last="model(torch.zeros(1, 4, 8, 8))"))
    outputs = kernel.client.nb.cells[-1].outputs
    assert "the cell raised RuntimeError" in str(caught.value)
    assert ["RL101" in output.data["text/html"] for output in outputs if "data" in output] == [True]


def test_a_class_that_no_model_contains(kernel: Kernel) -> None:
    source = "%%resnet_lint\nclass Other(nn.Module):\n    def forward(self, x):\n        return x + x.flatten(1)\n"
    printed, reports = kernel.run(source + "class Wide(Net): ...\nless = Net(4)\n")
    assert printed == "Wide: not checked: Wide requires arguments (width); construct the model first: Wide(...)\n"
    assert ["RL104" in report for report in reports] == [False, True]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("%%resnet_lint\nx = 1\n", "this cell defines no models"),
        ("%resnet_lint", "takes the arguments of resnet_lint.check"),
        ("%resnet_lint 3", "3 is not an nn.Module"),
        ("%%resnet_lint model\nx = 1\n", "takes no arguments"),
    ],
)
def test_bad_input_is_one_line(source: str, line: str, kernel: Kernel) -> None:
    try:
        printed, _ = kernel.run(source)
    except CellExecutionError:
        printed = "".join(output.get("text", "") for output in kernel.client.nb.cells[-1].outputs)
    assert line in printed
    assert printed.count("\n") == 1


def test_the_package_needs_no_ipython() -> None:
    code = "import sys, resnet_lint; resnet_lint.check; assert 'IPython' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
