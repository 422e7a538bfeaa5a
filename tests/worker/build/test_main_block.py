"""How a file uses its models: the main block and test functions, followed without training or devices."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
import torch
from torch import nn

from resnet_lint.shared.records.places import Shape
from resnet_lint.worker.build.doubt import Doubt
from resnet_lint.worker.build.factories import novel_and_other, shapes_in
from resnet_lint.worker.build.main_block import Answer, play, scenarios
from resnet_lint.worker.load.load import Loaded, load
from resnet_lint.worker.torch_quirks.absent_environment import environment_made_up
from resnet_lint.worker.torch_quirks.where_built import noting_where_built
from resnet_lint.worker.tracer.training_mode import Modes

NET = """
import argparse
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)
    def forward(self, x):
        return self.conv(x)
    def features(self, x):
        return self.conv(x)
"""

_numbers = count()


@pytest.fixture(autouse=True)
def restored_path() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path


def loaded(folder: Path, source: str) -> Loaded:
    path = folder / f"scenario{next(_numbers)}.py"
    path.write_text(NET + dedent(source))
    result = load(str(path))
    assert isinstance(result, Loaded), result
    return result


def calls(folder: Path, source: str) -> list[tuple[int, Shape]]:
    """The width of the model and the shape of the input, for each outermost call of a model."""
    found: list[tuple[int, Shape]] = []

    def on_call(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], doubt: Callable[[], Doubt], modes: Modes
    ) -> Answer:
        value = (*args, *kwargs.values())[0]
        assert value.is_meta
        weight = next(module.parameters())
        assert weight.is_meta
        found.append((weight.shape[0], tuple(value.shape)))
        return Answer(torch.empty((value.shape[0], weight.shape[0], *value.shape[2:]), device="meta"))

    file = loaded(folder, source)
    done: set[str] = set()
    for scenario in scenarios(file):
        if scenario.function not in done:
            done |= play(scenario, file, on_call, unexpected).functions
    return found


def unexpected(*details: Any) -> None:
    raise AssertionError(details)


def in_main(body: str) -> str:
    return 'if __name__ == "__main__":\n' + indent(dedent(body).strip(), "    ")


IMAGE = (1, 3, 4, 4)


@pytest.mark.parametrize(
    "body",
    [
        "net = Net()\nnet(torch.randn(1, 3, 4, 4))",
        "print(Net()(torch.zeros(1, 3, 4, 4)).shape)",
        "net = Net().eval()\nx = torch.rand((1, 3, 4, 4))\ny = net(x=x)",
        "with torch.no_grad():\n    Net()(torch.randn(1, 3, 4, 4))",
        "try:\n    Net()(torch.randn(1, 3, 4, 4))\nexcept RuntimeError:\n    raise",
        "if torch.cuda.is_available():\n    pass\nelse:\n    Net()(torch.randn(1, 3, 4, 4))",
        "if undefined:\n    Net()(torch.randn(1, 3, 4, 4))",
        "device = 'cuda'\nnet = Net().to(device)\nnet(torch.randn(1, 3, 4, 4).to(device))",
        "net = Net().cuda()\nnet(torch.randn(1, 3, 4, 4).cuda())",
        "Net().to('cuda:0')(torch.randn(1, 3, 4, 4, device='cuda:0'))",
        "args = argparse.ArgumentParser().parse_args()\nNet()(torch.randn(1, 3, 4, 4))",
        "undefined()\nraise ValueError\nNet()(torch.randn(1, 3, 4, 4))",
        "assert Net()(torch.randn(1, 3, 4, 4)).shape == (1, 8, 4, 4)",
        "net = Net()\nloss = net(torch.randn(1, 3, 4, 4)).sum()\nloss.backward()",
        "net = nn.DataParallel(Net())\nnet.module(torch.randn(1, 3, 4, 4))",
    ],
)
def test_a_main_block_says_how_a_model_is_built_and_fed(body: str, tmp_path: Path) -> None:
    assert calls(tmp_path, in_main(body)) == [(8, IMAGE)]


@pytest.mark.parametrize(
    "launch",
    [
        "torch.multiprocessing.spawn(work, args=(8,), nprocs=2)",
        "from torch.multiprocessing import spawn\nspawn(work, (8,), torch.cuda.device_count())",
        "from multiprocessing import Process\np = Process(target=work, args=(0, 8))",
        "from multiprocessing import Process\nps = []\nfor r in range(2):\n    p = Process(target=work, args=(r,), "
        "kwargs={'width': 8})\n    ps.append(p)",
        "import fire\nfire.Fire(work)",
        "import accelerate\naccelerate.notebook_launcher(work, (0, 8), num_processes=2)",
    ],
)
def test_functions_that_a_launcher_runs(launch: str, tmp_path: Path) -> None:
    work = "def work(rank=0, width=8):\n    Net(width)(torch.randn(1, 3, 4, 4))\n"
    assert calls(tmp_path, work + in_main(launch)) == [(8, IMAGE)]


def test_every_call_of_every_model_in_order(tmp_path: Path) -> None:
    body = "a = Net(4)\nb = Net(5)\nb(a.conv(torch.randn(1, 3, 4, 4))[:, :3])\na(torch.randn(2, 3, 6, 6))"
    assert calls(tmp_path, in_main(body)) == [(4, IMAGE), (5, IMAGE), (4, (2, 3, 6, 6))]


def test_a_loop_over_values_that_are_written_out(tmp_path: Path) -> None:
    loop = "for size in (4, 5):\n    Net()(torch.randn(1, 3, size, size))"
    assert calls(tmp_path, in_main(loop)) == [(8, IMAGE), (8, (1, 3, 5, 5))]
    assert calls(tmp_path, in_main(f"{loop}\n    if size == 4:\n        break")) == [(8, IMAGE)]
    skips = "for size in [3, 4]:\n    if size == 3:\n        continue\n    Net()(torch.randn(1, 3, size, size))"
    assert calls(tmp_path, in_main(skips)) == [(8, IMAGE)]


def test_any_other_loop_runs_its_first_round_only(tmp_path: Path) -> None:
    assert calls(tmp_path, in_main("for size in range(4, 19):\n    Net()(torch.randn(1, 3, size, size))")) == [
        (8, IMAGE)
    ]
    assert calls(tmp_path, in_main("while True:\n    Net()(torch.randn(1, 3, 4, 4))")) == [(8, IMAGE)]


def test_nothing_is_trained_or_saved(tmp_path: Path) -> None:
    body = """
        net = Net()
        optimizer = torch.optim.SGD(net.parameters())
        net.load_state_dict(torch.load("none.pt"))
        loss = net(torch.randn(1, 3, 4, 4)).sum()
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.3f}")
        torch.save(net(torch.randn(2, 3, 4, 4)), "x.pt")
    """
    assert calls(tmp_path, in_main(body)) == [(8, IMAGE), (8, (2, 3, 4, 4))]


@pytest.mark.parametrize("name", ["test_net", "_test", "main", "demo", "example_of_use"])
def test_functions_that_try_the_model(name: str, tmp_path: Path) -> None:
    assert calls(tmp_path, f"def {name}(width=4):\n    return Net(width)(torch.randn(1, 3, 4, 4))") == [(4, IMAGE)]


@pytest.mark.parametrize("signature", ["test_net(net)", "train()", "build()"])
def test_other_functions_are_not_played(signature: str, tmp_path: Path) -> None:
    assert calls(tmp_path, f"def {signature}:\n    Net()(torch.randn(1, 3, 4, 4))") == []


def test_a_main_block_that_calls_main_plays_it_once(tmp_path: Path) -> None:
    source = "def main():\n    Net()(torch.randn(1, 3, 4, 4))\n" + in_main("main()")
    assert calls(tmp_path, source) == [(8, IMAGE)]


def test_models_that_are_built_and_never_called_are_handed_back(tmp_path: Path) -> None:
    file = loaded(tmp_path, in_main("net = Net(4)\nused = Net(5)\nused(torch.randn(1, 3, 4, 4))"))
    [scenario] = scenarios(file)
    with noting_where_built(file.project):
        played = play(scenario, file, lambda module, args, kwargs, doubt, modes: Answer(args[0]), unexpected)
    assert [next(module.parameters()).shape[0] for module in played.built] == [4]


@pytest.mark.parametrize("call", ["net(data)", "net(x=data)", "net(data['images'])"])
def test_a_model_that_only_gets_data_of_a_missing_file_is_not_called(call: str, tmp_path: Path) -> None:
    file = loaded(tmp_path, in_main(f"net = Net(4)\ndata = torch.load('none.pt')\n{call}"))
    [scenario] = scenarios(file)
    with noting_where_built(file.project), environment_made_up():
        played = play(scenario, file, lambda module, args, kwargs, doubt, modes: Answer(args), unexpected)
    assert [next(module.parameters()).shape[0] for module in played.built] == [4]


def test_nothing_of_the_play_is_left_behind(tmp_path: Path) -> None:
    before = (nn.Module.__call__, nn.Module.to, nn.Module.cuda, sys.argv)
    calls(tmp_path, in_main("Net().cuda()(torch.randn(1, 3, 4, 4))\nraise SystemExit"))
    assert (nn.Module.__call__, nn.Module.to, nn.Module.cuda, sys.argv) == before
    assert torch.empty(1).device.type == "cpu"


def test_factories_with_a_new_word_or_helper_come_first(tmp_path: Path) -> None:
    source = """
        TABLE = {"net_tiny": 8, "net_base": 16, "net_gated_tiny": 8}
        def _make(name): return Net(TABLE[name])
        def net_tiny(): return _make("net_tiny")
        def net_base(): return _make("net_base")
        def net_tiny_256(): return _make("net_tiny")
        def net_base_384(): return Net(16)
        def net_gated_tiny(): return _make("net_gated_tiny")
        def net_tiny_base(): return Wide()
        class Wide(Net): pass
        def needs(width): return Net(width)
    """
    novel, other = novel_and_other(loaded(tmp_path, source))
    assert novel == ["net_tiny", "net_base", "net_gated_tiny", "net_tiny_base"]
    assert other == ["net_tiny_256", "net_base_384"]


def test_what_a_model_holds_is_no_image(tmp_path: Path) -> None:
    source = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1, 64, 8, 8))
            self.gamma = torch.zeros(1, 64, 1, 1)
            self.register_buffer("mean", torch.zeros(1, 3, 7, 7))
            self.example = torch.zeros(1, 3, 32, 32)
    """
    path = tmp_path / "held.py"
    path.write_text(dedent(source))
    loaded = load(str(path))
    assert isinstance(loaded, Loaded)
    assert shapes_in(loaded.tree) == [(1, 3, 32, 32)]
