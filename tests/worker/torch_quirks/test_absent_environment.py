"""Absent weights, devices and other processes do not end a check."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from conftest import Lint
from torch import nn

from resnet_lint.worker.torch_quirks.absent_environment import environment_made_up

NET = """
import torch
import torch.nn as nn
import torch.distributed as dist
import torch.utils.model_zoo as model_zoo
from torch.hub import load_state_dict_from_url
from torch.nn.parallel import DistributedDataParallel as DDP

class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.a = nn.Conv2d(3, width, 3, padding=1)
        self.b = nn.Conv2d(width, width, 3, STRIDE, 1)
    def forward(self, x):
        x = self.a(x)
        return x + self.b(x)

class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()
        BODY
    def forward(self, x):
        FORWARD
        return self.net(x)
"""
BODIES = {
    "a file of weights": 'self.net.load_state_dict(torch.load("weights.pth")["model"])',
    "a file of weights that is filtered": (
        'weights = torch.load("weights.pth", map_location="cpu")\n'
        '        self.net.load_state_dict({k.replace("module.", ""): v for k, v in weights.items()})'
    ),
    "a download": 'self.net.load_state_dict(load_state_dict_from_url("https://example.org/net.pth"))',
    "a download of the zoo": 'self.net.load_state_dict(model_zoo.load_url("https://example.org/net.pth"))',
    "a device": 'self.net = self.net.cuda().to("cuda:0")\n        self.mean = torch.zeros(3, device="cuda")',
    "a number that is drawn": "assert 0.1 <= torch.empty(1).uniform_(0.1, 2.0).item() <= 2.0",
    "a rank": "self.rank = dist.get_rank() % dist.get_world_size()\n        torch.cuda.set_device(self.rank)",
}
FORWARDS = {
    "tensors of a device": "x = x.cuda() + torch.cuda.FloatTensor(*x.shape).zero_() + torch.zeros(1).cuda()",
    "a range of a profiler": 'with torch.cuda.nvtx.range("net"):\n            torch.cuda.nvtx.mark("x")',
    "a stream": "stream = torch.cuda.Stream()\n        with torch.cuda.stream(stream):\n            x = x.relu()\n"
    "        torch.cuda.current_stream().wait_stream(stream)\n        x.record_stream(stream)",
    "a sum over processes": "dist.all_reduce(x)\n        x = x / dist.get_world_size()",
}
SCRIPTS = {
    "a device": 'out = Net().cuda()(torch.randn(2, 3, 32, 32, device="cuda:0").to("cuda"))',
    "a tensor of a device": "x = torch.cuda.FloatTensor(2, 3, 32, 32).fill_(0)\nout = Net().cuda()(x)",
    "a file of weights": 'net = Net()\nnet.load_state_dict(torch.load("w.pth"))\nout = net(torch.randn(2, 3, 32, 32))',
    "processes": (
        'dist.init_process_group("nccl")\nnet = DDP(Net().to(dist.get_rank()), device_ids=[dist.get_rank()])\n'
        "out = net(torch.randn(2, 3, 32, 32))\ndist.barrier()"
    ),
    "the number of a device": "out = DDP(Net().to(1), device_ids=[1])(torch.randn(2, 3, 32, 32))",
    "a measurement": (
        "start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))\nstart.record()\n"
        "if torch.cuda.get_device_properties(0).total_memory > 2**20:\n    out = Net()(torch.randn(2, 3, 32, 32))\n"
        "end.record()\ntorch.cuda.synchronize()\nprint(start.elapsed_time(end), torch.cuda.get_device_name())"
    ),
    "a part on another machine": (
        'import torch.distributed.rpc as rpc\nrpc.init_rpc("here", rank=0, world_size=2)\n'
        'net = rpc.remote("there", Net, args=(32,))\nx = rpc.RRef(torch.randn(2, 3, 32, 32))\n'
        "out = net.rpc_async().forward(x.to_here()).wait()\nrpc.shutdown()"
    ),
}


def sources(stride: str) -> dict[str, str]:
    """A file for each kind."""
    net = NET.replace("STRIDE", stride)
    files = [net.replace("BODY", body).replace("FORWARD", "pass") for body in BODIES.values()]
    files += [net.replace("BODY", "pass").replace("FORWARD", forward) for forward in FORWARDS.values()]
    alone = net[: net.index("class Wrapped")]
    files += [alone + dedent(script) for script in SCRIPTS.values()]
    return {f"{number:02}.py": text for number, text in enumerate(files)}


def test_what_the_machine_lacks_ends_no_check(lint: Lint, tmp_path: Path) -> None:
    for verdict, stride in (("right", "1"), ("wrong", "2")):
        (tmp_path / verdict).mkdir()
        for name, text in sources(stride).items():
            (tmp_path / verdict / name).write_text(text)
    report = json.loads(lint(tmp_path, "--format", "json").stdout)
    assert {each["target"]: each["reason"] for each in report["modules"] if each["status"] != "checked"} == {}
    found = {
        (each["path"].split("/")[-2:][0], each["path"].split("/")[-1], each["rule"]) for each in report["findings"]
    }
    assert {each for each in found if each[2] != "RL006"} == {("wrong", name, "RL102") for name in sources("2")}


def test_a_check_sees_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    with environment_made_up(), torch.device("meta"):
        assert (torch.cuda.is_available(), torch.cuda.device_count()) == (False, 0)
        assert nn.DataParallel(nn.Linear(4, 2), device_ids=[0, 1])(torch.ones(3, 4)).shape == (3, 2)
    assert torch.cuda.device_count() == 8


def test_a_process_that_uses_cuda_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("is_available", True), ("is_initialized", True), ("device_count", 2)):
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    with environment_made_up(), torch.device("meta"):
        assert (torch.cuda.is_available(), torch.cuda.device_count()) == (True, 2)
        assert nn.DataParallel(nn.Linear(4, 2))(torch.ones(3, 4)).shape == (3, 2)


def test_a_trace_of_a_forward_with_streams(lint: Lint, tmp_path: Path) -> None:
    forward = FORWARDS["a stream"]
    (tmp_path / "net.py").write_text(NET.replace("STRIDE", "1").replace("BODY", "pass").replace("FORWARD", forward))
    result = lint("trace", f"{tmp_path / 'net.py'}::Wrapped")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "memory of a training step, AdamW, batch size 2:" in result.stdout
