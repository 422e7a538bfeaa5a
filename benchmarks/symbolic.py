"""What a trace with symbols costs: ResNet-18, ResNet-152 and their ratio, beside the concrete traces.

    python benchmarks/symbolic.py

Needs torchvision beside resnet-lint. Seconds are those of the processor; the least of five, in one run, taken in turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torchvision

from resnet_lint.graph.source_places import Project
from resnet_lint.worker.symbolic.symbolic_trace import symbolic_trace
from resnet_lint.worker.torch_quirks.dynamo import stand_in
from resnet_lint.worker.tracer.trace import trace

ROUNDS = 5


def seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    torch.set_num_threads(1)
    stand_in()
    project, x = Project("/"), torch.empty(2, 3, 224, 256, device="meta")
    with torch.device("meta"):
        models = [torchvision.models.get_model(name).eval() for name in ("resnet18", "resnet152")]
    traces = [trace(model, (x,), {}, project) for model in models]
    symbolic_trace(traces[0])  # imports
    concrete = [[seconds(partial(trace, model, (x,), {}, project)) for model in models] for _ in range(ROUNDS)]
    symbolic = [[seconds(partial(symbolic_trace, traced)) for traced in traces] for _ in range(ROUNDS)]
    for name, rounds in (("concrete", concrete), ("symbolic", symbolic)):
        small, large = map(min, zip(*rounds, strict=True))
        print(f"{name}: ResNet-18 {small:.2f} s, ResNet-152 {large:.2f} s, ratio {large / small:.2f}")


if __name__ == "__main__":
    main()
