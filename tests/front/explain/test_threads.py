"""Errors from public threads, reproduced: the same mistake, message and traceback format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Lint

from resnet_lint.front.cli import main

HEAD = """\
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
"""

IDENTITY = (
    HEAD
    + """\
        self.conv1 = nn.Conv2d(64, 128, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(128, 128, 3, padding=1)

    def forward(self, x):
        identity = x
        out = self.conv2(F.relu(self.conv1(x)))
        out += identity
        return out

Net()(torch.randn(4, 64, 32, 32))
"""
)

EXPANSION = (
    HEAD
    + """\
        self.conv = nn.Conv2d(64, 128 * 4, 1)
        self.downsample = nn.Conv2d(64, 128 * 2, 1)

    def forward(self, x):
        residual = self.downsample(x)
        out = self.conv(x)
        out += residual
        return out

Net()(torch.randn(2, 64, 16, 16))
"""
)

ODD_POOL = (
    HEAD
    + """\
        self.conv = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.downsample = nn.Sequential(nn.MaxPool2d(2, stride=2), nn.Conv2d(16, 32, 1))

    def forward(self, x):
        residual = self.downsample(x)
        out = self.conv(x)
        out += residual
        return out

Net()(torch.randn(1, 16, 75, 75))
"""
)

DECODER = (
    HEAD
    + """\
        self.enc1 = nn.Conv2d(3, 128, 3, padding=1)
        self.enc2 = nn.Conv2d(128, 256, 3, padding=1)
        self.dec = nn.Conv2d(256, 64, 3, padding=1)

    def forward(self, x):
        x1 = self.enc1(x)
        x2 = self.enc2(F.max_pool2d(x1, 2))
        return self.dec(F.interpolate(x2, scale_factor=2) + x1)

Net()(torch.randn(1, 3, 64, 64))
"""
)

UNET = (
    HEAD
    + """\
        self.enc = nn.Conv2d(3, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 16, 2, stride=2)
        self.out = nn.Conv2d(32, 1, 1)

    def forward(self, x):
        e1 = self.enc(x)
        d1 = self.up(F.max_pool2d(e1, 2))
        return self.out(torch.cat((e1, d1), dim=1))

Net()(torch.randn(1, 3, 61, 64))
"""
)

CHANNELS_LAST = (
    HEAD
    + """\
        self.conv = nn.Conv2d(3, 32, 3)

    def forward(self, x):
        return self.conv(x)

Net()(torch.randn(2, 416, 420, 3))
"""
)

GREY = (
    HEAD
    + """\
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.fc1 = nn.Linear(6 * 14 * 14, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.fc1(torch.flatten(x, 1))

Net()(torch.randn(4, 3, 32, 32))
"""
)

FLATTENED = GREY.replace("Conv2d(1", "Conv2d(3").replace("32, 32)", "28, 28)")

BATCH_NORM = (
    HEAD
    + """\
        self.conv = nn.Conv2d(3, 512, 3)
        self.bn = nn.BatchNorm2d(256)

    def forward(self, x):
        return self.bn(self.conv(x))

Net()(torch.randn(4, 3, 32, 32))
"""
)

LAYER_NORM = (
    HEAD
    + """\
        self.conv = nn.Conv2d(3, 256, 3, padding=1)
        self.norm = nn.LayerNorm(256)

    def forward(self, x):
        return self.norm(self.conv(x))

Net()(torch.randn(4, 3, 20, 24))
"""
)

POSITIONS = (
    HEAD
    + """\
        self.patches = nn.Conv2d(3, 64, 16, stride=16)
        self.pos_embed = nn.Parameter(torch.zeros(1, 196, 64))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return x + self.pos_embed

Net()(torch.randn(2, 3, 256, 256))
"""
)

IN_PLACE = (
    HEAD
    + """\
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        out = self.pool(x)
        out += x
        return out

Net()(torch.randn(2, 16, 8, 8))
"""
)

THREADS = {
    "identity": (IDENTITY, "RL103 cannot add: residual branch (4, 128, 16, 16)", "nn.Conv2d(64, 128, kernel_size=1"),
    "expansion": (EXPANSION, "RL101 cannot add", "nn.Conv2d(64, 128 * 4, 1)\n"),
    "odd pool": (ODD_POOL, "RL102 cannot add at this size", "ceil_mode=True on downsample"),
    "decoder": (DECODER, "RL101 cannot add", "nn.Conv2d(128, 256, kernel_size=1, bias=False)"),
    "U-Net": (UNET, "RL107 cannot concatenate at this size", "F.interpolate(d1, size=e1.shape[-2:])"),
    "channels last": (CHANNELS_LAST, "RL301 conv expects 3 channels", "x.permute(0, 3, 1, 2)"),
    "grey": (GREY, "RL301 conv1 expects 1 channels", "in_channels=3 on conv1"),
    "flattened": (FLATTENED, "RL301 fc1 expects 1176 features", "in_features=864 on fc1"),
    "batch norm": (BATCH_NORM, "RL301 bn expects 256 channels", "num_features=512 on bn"),
    "layer norm": (LAYER_NORM, "RL301 norm expects 256 features", "x.permute(0, 2, 3, 1)"),
    "positions": (POSITIONS, "RL303 shape mismatch", "the positional embedding for this input size"),
    "in place": (IN_PLACE, "cannot add: residual branch (2, 16, 1, 1)", "out = out + x"),
}


@pytest.mark.parametrize(("source", "finding", "fix"), THREADS.values(), ids=THREADS)
def test_the_finding_behind_it(
    source: str, finding: str, fix: str, lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(source)
    done = subprocess.run([sys.executable, "net.py"], capture_output=True, text=True)
    Path("log.txt").write_text(done.stderr)
    result = lint("explain", "log.txt")
    assert result.exit_code == 1, done.stderr + result.output
    assert finding in result.stdout
    assert fix in result.stdout


CUT_OFF = """\
    d5 = torch.cat((e4, d5), dim=1)
RuntimeError: Sizes of tensors must match except in dimension 1. Expected size 61 but got size 60 for tensor number 1 in
the list.
"""

IPYTHON_7 = """\
---------------------------------------------------------------------------
RuntimeError                              Traceback (most recent call last)
<ipython-input-70-1badcafe> in <module>
      1 net = Bottleneck(64, 128)
----> 2 net(images)

~/anaconda3/lib/python3.6/site-packages/torch/nn/modules/module.py in __call__(self, *input, **kwargs)
    487             result = self._slow_forward(*input, **kwargs)
    488         else:
--> 489             result = self.forward(*input, **kwargs)

<ipython-input-67-c0ffee> in forward(self, x)
     30         residual = x
     31
---> 32         out += residual
     33         return out

RuntimeError: The size of tensor a (512) must match the size of tensor b (256) at non-singleton dimension 1
"""

IPYTHON_8 = """\
Cell In[4], line 1
----> 1 model(torch.zeros(1, 3, 512, 512))

File ~/miniconda3/lib/python3.10/site-packages/torch/nn/modules/module.py:1501, in Module._call_impl(self, *args)
   1500     return forward_call(*args, **kwargs)
-> 1501 return forward_call(*args, **kwargs)

File ~/project/vit.py:199, in ViT.forward(self, x)
    197 x = self.patches(x)
--> 199 x += self.positional_emb

RuntimeError: The size of tensor a (3137) must match the size of tensor b (65) at non-singleton dimension 1
"""

RICH = """\
│ /srv/project/encoder.py:115 in forward                             │
│                                                                    │
│   114 │   x = self.patch_embed(x)                                  │
│ ❱ 115 │   x = x + self.pos_embed                                   │
╰────────────────────────────────────────────────────────────────────╯
RuntimeError: The size of tensor a (32) must match the size of tensor b (64) at non-singleton dimension 2
"""

WINDOWS = """\
  File "C:\\Users\\me\\PycharmProjects\\pse\\models\\dla.py", line 103, in forward
    out += residual
  File "D:\\anaconda3\\lib\\site-packages\\torch\\nn\\modules\\module.py", line 547, in __call__
    result = self.forward(*input, **kwargs)
RuntimeError: The size of tensor a (38) must match the size of tensor b (37) at non-singleton dimension 3
"""

TORCHRUN = """\
[rank1]:   File "/job/train.py", line 9, in forward
[rank1]:     return x + self.conv(x)
[rank1]:            ~~^~~~~~~~~~~~~~
[rank1]: RuntimeError: The size of tensor a (64) must match the size of tensor b (128) at non-singleton dimension 1
"""

COLOURED = (
    '  \x1b[31mFile "/job/net.py", line 4, in forward\x1b[0m\n    \x1b[1mx = torch.cat([x, skip], 1)\x1b[0m\n'
    + (
        "RuntimeError: invalid argument 0: Sizes of tensors must match except in dimension 1. Got 8 and 16 in "
        "dimension 2 at /pytorch/aten/src/THC/generic/THCTensorMath.cu:87\n"
    )
)

TEXTS = {
    "cut off": (CUT_OFF, "hint: a difference of 1 comes from rounding", "no file in the traceback"),
    "IPython 7": (IPYTHON_7, "at <ipython-input-67-c0ffee>:32: out += residual\nhint: if", "nn.Conv2d(256, 512, "),
    "IPython 8": (IPYTHON_8, "at ~/project/vit.py:199: x += self.positional_emb\n", "positional embedding for this"),
    "rich": (RICH, "at /srv/project/encoder.py:115: x = x + self.pos_embed\n", "positional embedding for this"),
    "Windows": (WINDOWS, "\\models\\dla.py:103: out += residual\n", "a difference of 1"),
    "torchrun": (TORCHRUN, "at /job/train.py:9: return x + self.conv(x)\n", "nn.Conv2d(128, 64, kernel_size=1)"),
    "coloured": (COLOURED, "at /job/net.py:4: x = torch.cat([x, skip], 1)\n", "2 times as large"),
}


@pytest.mark.parametrize(("text", "place", "hint"), TEXTS.values(), ids=TEXTS)
def test_the_text_alone(text: str, place: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["explain"], input=text)
    assert result.exit_code == 0, result.output
    assert place in result.stdout
    assert hint in result.stdout
    assert "Based on the message alone" in result.stdout
