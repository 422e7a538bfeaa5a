"""A class that takes a configuration is built with the defaults of its project, or with the settings that it reads."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Lint

DEFAULTS = """
class Node(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__

class CfgNode(Node):
    pass

_C = CfgNode()
_C.MODEL = CfgNode()
_C.MODEL.KIND = "deep"
_C.MODEL.WIDTHS = [8, 24]
_C.DATA = CfgNode()
_C.DATA.CHANNELS = 5

def get_defaults():
    return _C
"""

NET = """
from typing import List
from torch import nn

class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        if cfg.MODEL.KIND not in ("deep", "wide"):
            raise ValueError(cfg.MODEL.KIND)
        a, b = cfg.MODEL.WIDTHS
        self.stem = nn.Conv2d(cfg.DATA.CHANNELS, a, 3, padding=1)
        self.conv = nn.Conv2d(a, b, 3, padding=1)

    def forward(self, x):
        return self.conv(self.stem(x))

class Layers(nn.Module):
    def __init__(self, hidden_dims: List[int]):
        super().__init__()
        hidden_dims.reverse()
        self.layers = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(hidden_dims, hidden_dims[1:])])

    def forward(self, x):
        return self.layers(x)
"""


def test_the_defaults_of_the_project(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "defaults.py").write_text(DEFAULTS)
    (tmp_path / "config" / "other_config.py").write_text("cfg = dict(MODEL=3)\n")
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / "net.py"
    path.write_text(NET)
    net, layers = json.loads(lint(path, "--format", "json").stdout)["modules"]
    assert (net["status"], net["how"]) == ("checked", "Net(cfg=import_module('config.defaults')._C)")
    assert (layers["status"], layers["how"]) == ("checked", "Layers(hidden_dims=[16, 32, 64, 128])")


NESTED = """
from torch import nn

class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        encoder = cfg.MODEL.ENCODER
        self.is_small = cfg.MODEL.NAME == "small"
        self.device = cfg.device
        self.layers = nn.ModuleList([nn.Linear(encoder.hidden_dim, encoder.hidden_dim) for _ in range(encoder.depth)])

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)
        return x
"""


def test_settings_inside_of_settings(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NESTED)
    [net] = json.loads(lint(path, "--format", "json").stdout)["modules"]
    assert net["status"] == "checked", net
    assert net["how"].startswith("Net(cfg=SimpleNamespace(")
    assert "MODEL=SimpleNamespace(" in net["how"] and "ENCODER=SimpleNamespace(hidden_dim=64, depth=2)" in net["how"]
