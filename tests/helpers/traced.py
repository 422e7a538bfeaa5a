"""Helpers of the tests of `resnet-lint trace`: validated JSON reports, and a model with skips of both kinds."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
from click.testing import Result

_SCHEMA = json.loads(resources.files("resnet_lint.front.trace.report").joinpath("schema.json").read_text())


def trace_of(result: Result) -> dict[str, Any]:
    """The JSON report of a trace, validated against its schema."""
    assert result.stdout, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    jsonschema.Draft202012Validator(_SCHEMA).validate(report)
    return report


def steps_of(report: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """All steps of a report by their ids."""
    found: dict[int, dict[str, Any]] = {}
    waiting = [report["model"]]
    while waiting:
        step = waiting.pop()
        found[step["id"]] = step
        waiting += step["parts"]
    return found


DEEP = """
import torch
from torch import nn


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.pool(x), x


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        self.conv = nn.Conv2d(2 * channels, channels // 2, 3, padding=1)

    def forward(self, x, skip):
        return torch.relu(self.conv(torch.cat([skip, self.up(x)], dim=1)))


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = Down(8), Down(16)
        self.middle = nn.Sequential(*[Block(32) for _ in range(36)])
        self.up2, self.up1 = Up(32), Up(16)

    def forward(self, x):
        x, first = self.down1(x)
        x, second = self.down2(x)
        return self.up1(self.up2(self.middle(x), second), first)


if __name__ == "__main__":
    Net()(torch.randn(1, 8, 64, 48))
"""
