"""Holds `resnet_lint.check(model, x)` against the command line and against one forward pass, for 30 models.

    python benchmarks/live.py [--no-command] [MODEL...]

Needs timm and torchvision beside resnet-lint. For every model: is the verdict that of `resnet-lint FILE::FACTORY`, is
the state dict the same bit for bit, and what does the check cost? The target is 1.3 forward passes on the CPU plus 1 s.
Both are measured in this run, in processor seconds, the forward pass as the best of three.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import timm
import torch
import torchvision

import resnet_lint

FORWARDS, SECONDS = 1.3, 1.0

TORCHVISION = (
    "resnet18 resnet50 vgg11 alexnet squeezenet1_1 densenet121 mobilenet_v3_small shufflenet_v2_x0_5 regnet_y_400mf "
    "efficientnet_b0 convnext_tiny vit_b_16 swin_t"
)
TIMM = (
    "resnet26 resnetv2_50 res2net50_26w_4s convnext_atto mixer_s32_224 vit_tiny_patch16_224 deit_tiny_patch16_224 "
    "ghostnet_050 mobilenetv3_small_050 dla34 vovnet39a hrnet_w18_small levit_128s pvt_v2_b0 edgenext_xx_small "
    "repvgg_a0 cspresnet50"
)


def built(name: str) -> tuple[Any, str]:
    """A model, and the target for the command line: the file and the function that give it."""
    if name in TORCHVISION.split():
        factory = getattr(torchvision.models, name)
        return factory(weights=None).eval(), f"{sys.modules[factory.__module__].__file__}::{name}"
    factory = timm.model_entrypoint(name)
    return factory().eval(), f"{sys.modules[factory.__module__].__file__}::{name}"


def findings(reported: list[dict[str, Any]]) -> set[tuple[str, str, int]]:
    """The findings of a report that count: rule, file and line."""
    return {
        (finding["rule"], Path(finding["path"]).name, finding["start"]["line"])
        for finding in reported
        if finding["severity"] != "info"
    }


def of_command(target: str) -> set[tuple[str, str, int]]:
    command = [
        sys.executable,
        "-m",
        "resnet_lint",
        "--format",
        "json",
        "--no-cache",
        "--python",
        sys.executable,
        target,
    ]
    return findings(json.loads(subprocess.run(command, capture_output=True, text=True).stdout)["findings"])


def rows(names: tuple[str, ...], with_command: bool) -> Iterator[bool]:
    """Print a line per model; whether all that was asked of it holds."""
    for name in names:
        torch.manual_seed(0)
        model, target = built(name)
        size = getattr(model, "default_cfg", {}).get("input_size", (3, 224, 224))
        x = torch.randn(2, *size)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        forward = min(seconds_of(model, x) for _ in range(3))
        began = time.process_time()
        report = resnet_lint.check(model, x)
        cost = time.process_time() - began
        after = model.state_dict()
        kept = before.keys() == after.keys() and all(torch.equal(after[key], before[key]) for key in before)
        live = findings(report.to_dict()["findings"])
        same = live == of_command(target) if with_command else None
        limit = FORWARDS * forward + SECONDS
        mark = "" if cost <= limit else "OVER"
        print(
            f"{name:26} forward {forward:6.2f} s  check {cost:6.2f} s  limit {limit:6.2f} s {mark:5}"
            f"state {'kept' if kept else 'CHANGED'}  verdict {'-' if same is None else 'same' if same else 'OTHER'}  "
            f"{len(live)} findings",
            flush=True,
        )
        yield kept and same is not False and cost <= limit


def seconds_of(model: Any, x: torch.Tensor) -> float:
    began = time.process_time()
    with torch.no_grad():
        model(x)
    return time.process_time() - began


@click.command()
@click.argument("names", nargs=-1)
@click.option("--command/--no-command", default=True)
def main(names: tuple[str, ...], command: bool) -> None:
    """Check 30 models, or those named; the last line counts those for which everything holds."""
    results = list(rows(names or (*TORCHVISION.split(), *TIMM.split()), command))
    print(f"{sum(results)} of {len(results)} hold")


if __name__ == "__main__":
    main()
