"""Other statements of the input of a model: summaries and exporters, parametrized tests, docstrings."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

# The linear layer requires 21 channels of 2 x 19 x 13 values. No other sides that are tried have as many pixels.
NET = """
import torch
from torch import nn

class Net(nn.Module):
    '''A net for maps of one size.
    @
    '''
    def __init__(self, width):
        super().__init__()
        if not isinstance(width, Width):
            raise TypeError("a width is wanted")
        self.conv = nn.Conv2d(21, width.value, 3, padding=1)
        self.fc = nn.Linear(width.value * 19 * 13, 5)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))

class Width:
    def __init__(self, value, unit):
        self.value = value
"""
# What states the input, where * is its height; 19 is right.
STATED = {
    "torchinfo": "from torchinfo import summary\nsummary(Net(Width(4, 'px')), input_size=(1, 21, *, 13))",
    "torchsummary": "from torchsummary import summary\nsummary(Net(Width(4, 'px')), (21, *, 13), device='cpu')",
    "jit": "torch.jit.trace(Net(Width(4, 'px')), torch.randn(1, 21, *, 13)).save('net.pt')",
    "a script": "torch.jit.script(Net(Width(4, 'px'))).save('net.pt')\nNet(Width(2, 'px'))(torch.randn(1, 21, *, 13))",
    "onnx": "torch.onnx.export(Net(Width(4, 'px')), (torch.randn(1, 21, *, 13),), 'net.onnx')",
    "tensorboard": (
        "from torch.utils.tensorboard import SummaryWriter\nwriter = SummaryWriter('runs')\n"
        "net = Net(Width(4, 'px'))\nwriter.add_graph(net, torch.randn(1, 21, *, 13))"
    ),
    "thop": (
        "import thop\nx = torch.randn(1, 21, *, 13)\n"
        "macs, params = thop.profile(Net(Width(4, 'px')), inputs=(x,))\nprint(macs)"
    ),
    "fvcore": (
        "from fvcore.nn import FlopCountAnalysis\n"
        "print(FlopCountAnalysis(Net(Width(4, 'px')), torch.randn(1, 21, *, 13)).total())"
    ),
    "ptflops": (
        "from ptflops import get_model_complexity_info\n"
        "macs, params = get_model_complexity_info(Net(Width(4, 'px')), (21, *, 13), as_strings=True)"
    ),
    "parameters of a test": """
        import pytest

        @pytest.mark.parametrize("width", [2, 4])
        @pytest.mark.parametrize("size,batch", [((19, 13), 1), pytest.param((*, 13), 3, id="wide")])
        def test_shape(width, size, batch):
            out = Net(Width(width, "px"))(torch.randn(batch, 21, *size))
            assert out.shape == (batch, 5)
        """.replace("*size", "size[0], size[1]"),
    "fixtures": """
        import pytest

        @pytest.fixture(params=[4, 8])
        def width(request):
            return Width(request.param, "px")

        @pytest.fixture
        def net(width):
            yield Net(width)

        def test_shape(net):
            assert net(torch.randn(2, 21, *, 13)).shape == (2, 5)
        """,
    "a test case": """
        import unittest

        class TestNet(unittest.TestCase):
            def setUp(self):
                self.net = Net(Width(4, "px"))

            def test_shape(self):
                self.assertEqual(self.net(torch.randn(2, 21, *, 13)).shape, (2, 5))
        """,
}


def check(lint: Lint, folder: Path, source: str) -> tuple[str, list[str]]:
    path = folder / "model.py"
    path.write_text(source)
    report = json.loads(lint(path, "--format", "json").stdout)
    errors = [finding["rule"] for finding in report["findings"] if finding["severity"] == "error"]
    return report["modules"][0]["status"], errors


@pytest.mark.parametrize("way", STATED)
def test_what_states_the_input_decides(lint: Lint, tmp_path: Path, way: str) -> None:
    if way in ("thop", "ptflops", "fvcore") and importlib.util.find_spec(way) is not None:
        pytest.skip("it is installed here")
    source = NET.replace("@", "") + dedent(STATED[way])
    assert check(lint, tmp_path, source.replace("*,", "19,")) == ("checked", [])
    assert check(lint, tmp_path, source.replace("*,", "22,")) == ("checked", ["RL301"])


EXAMPLE = """
    Example::

        >>> net = Net(Width(4, "px"))
        >>> x = torch.randn(2, 21,
        ...                 %s, 13)
        >>> net(x).shape
        torch.Size([2, 5])
"""


def test_an_example_in_a_docstring_proves_no_fault(lint: Lint, tmp_path: Path) -> None:
    assert check(lint, tmp_path, NET.replace("@", EXAMPLE % "19")) == ("checked", [])
    no_image_fits = NET.replace("19 * 13", "251")  # a prime number of positions
    assert check(lint, tmp_path, no_image_fits.replace("@", EXAMPLE % "22")) == ("failed", [])


def test_a_function_of_the_same_name_is_run_as_it_is(lint: Lint, tmp_path: Path) -> None:
    source = NET.replace("@", "") + dedent("""
        def summary(net, height):
            return net(torch.randn(1, 21, height - 2, 13))

        summary(Net(Width(4, "px")), 21)
        """)
    assert check(lint, tmp_path, source) == ("checked", [])
