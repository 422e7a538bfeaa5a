"""Holds the input contracts of real models of timm and torchvision against brute force.

    python benchmarks/contracts.py [MODEL...] [--truth FILE]

Needs timm and torchvision beside resnet-lint. Each model is run at all square sizes from 1 to 257 and at others with
H != W; the contract has to say of each of them whether the model takes it. `--truth` keeps what the runs gave for the
next time.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import timm
import torch
import torchvision
from torch import nn

from resnet_lint.graph.source_places import Project
from resnet_lint.shared.records.contracts import Contract
from resnet_lint.worker.contracts.input_contract import contract_of
from resnet_lint.worker.symbolic.symbolic_trace import symbolic_trace
from resnet_lint.worker.torch_quirks.dynamo import stand_in
from resnet_lint.worker.tracer.trace import trace

LARGEST = 257
LARGEST_ON_CPU = 32  # up to here the runs are real; what is larger runs on meta, where torch checks all but the data
UNEQUAL = 120

TORCHVISION = (
    "resnet18 resnet50 vgg11 alexnet squeezenet1_1 densenet121 googlenet inception_v3 mobilenet_v3_small "
    "shufflenet_v2_x0_5 regnet_y_400mf efficientnet_b0 convnext_tiny vit_b_16 swin_t maxvit_t "
    "lraspp_mobilenet_v3_large deeplabv3_mobilenet_v3_large"
)
TIMM = (
    "resnet18d dla34 hrnet_w18_small coat_lite_tiny cspresnet50 vit_tiny_patch16_224 swin_tiny_patch4_window7_224 "
    "mixer_s32_224 pvt_v2_b0 poolformer_s12 levit_128s mobilevit_xxs edgenext_xx_small repvgg_a0 ghostnet_100 "
    "twins_svt_small efficientformer_l1"
)
MODELS = {f"torchvision:{name}": name for name in TORCHVISION.split()} | {f"timm:{name}": name for name in TIMM.split()}


def built(model: str) -> nn.Module:
    library, _, name = model.partition(":")
    if library == "timm":
        return timm.create_model(name).eval()
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    backbone = {"weights_backbone": None} if "_mobilenet_v3_large" in name else {}
    return torchvision.models.get_model(name, weights=None, **options, **backbone).eval()


def sizes() -> Iterator[tuple[int, int]]:
    yield from ((size, size) for size in range(1, LARGEST + 1))
    draw = random.Random(0)
    for _ in range(UNEQUAL):
        small, step = draw.choice((2, 8, 33, LARGEST)), draw.choice((1, 1, 4, 32))
        yield draw.randint(1, small), max(draw.randint(1, LARGEST) // step * step, 1)
    yield from ((224, side) for side in (192, 223, 225, 256, 448))
    yield from ((side, 224) for side in (192, 223, 225, 256, 448))


def takes(model: nn.Module, on_meta: nn.Module, size: tuple[int, int]) -> bool:
    """Whether the model runs at this size."""
    device = "cpu" if max(size) <= LARGEST_ON_CPU else "meta"
    try:
        (model if device == "cpu" else on_meta)(torch.empty(2, 3, *size, device=device).zero_())
    except Exception:
        return False
    return True


def brute_force(model: str) -> dict[tuple[int, int], bool]:
    """Whether the model runs, by (height, width)."""
    real = built(model)
    on_meta = built(model).to("meta")
    with torch.no_grad():
        return {size: takes(real, on_meta, size) for size in dict.fromkeys(sizes())}


def contract(model: str) -> Contract:
    """The contract, from a trace at the first size that the model takes."""
    on_meta, project = built(model).to("meta"), Project("/")
    for size in ((224, 256), (224, 224)):
        concrete = trace(on_meta, (torch.empty(2, 3, *size, device="meta"),), {}, project)
        if concrete.trouble == (0, 0):
            break
    return contract_of(concrete, symbolic_trace(concrete))


def allows(contract: Contract, height: int, width: int) -> bool:
    """Whether the contract says that the model takes two images of this size."""
    sizes = list(zip(contract.inputs[0].sizes, (2, 3, height, width), strict=True))
    names = {"ceil": math.ceil, "max": max, "min": min, **dict(sizes)}
    fixed = all(int(name) == size for name, size in sizes if name.isdigit())
    return fixed and all(eval(condition.text, {}, names) for condition in contract.conditions)


@click.command()
@click.argument("models", nargs=-1)
@click.option("--truth", type=click.Path(path_type=Path), help="Where to keep what the runs gave.")
def main(models: tuple[str, ...], truth: Path | None) -> None:
    """Compare the contracts of MODELS, or of all, with runs."""
    torch.set_num_threads(1)
    stand_in()
    known = json.loads(truth.read_text()) if truth is not None and truth.exists() else {}
    wrong = 0
    for model in models or MODELS:
        if model not in known:
            known[model] = [[*size, runs] for size, runs in brute_force(model).items()]
            if truth is not None:
                truth.write_text(json.dumps(known))
        began = time.process_time()
        found = contract(model)
        seconds = time.process_time() - began
        errors = [(height, width) for height, width, runs in known[model] if allows(found, height, width) != runs]
        wrong += bool(errors)
        asked = ", ".join(condition.text for condition in found.conditions) or "nothing more"
        shape = ", ".join(found.inputs[0].sizes)
        says = f"WRONG at {errors[:4]}" if errors else f"agrees at all {len(known[model])} sizes"
        print(f"{model:42} ({shape}): {asked:50} {says}; {found.runs} runs, {seconds:.0f} s; {found.doubt or ''}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
