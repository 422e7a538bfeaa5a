"""Compares two forecasts of `resnet-lint trace` with measurements, for models of timm and torchvision.

    python benchmarks/model_costs.py memory|cuda|fields [MODEL ...]

memory: the peak of a training step with AdamW, against torch's profiler. cuda: the same, against the peak that the
allocator of CUDA counts without the workspace that cuBLAS keeps for the whole process. fields: the receptive fields of
the children of the model, against the part of the input with a gradient. Needs timm and torchvision, and this
repository on the path.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.worker.executor.cost import peak_on_cpu
from resnet_lint.worker.model_trace.channels import channel_axes
from resnet_lint.worker.model_trace.receptive_field import Field, receptive_field
from resnet_lint.worker.model_trace.training_memory import training_memory
from resnet_lint.worker.process.file_clock import Clock
from resnet_lint.worker.tensors import tensors_in
from resnet_lint.worker.tracer.trace import trace

MODELS = [
    "resnet18",
    "resnet26d",
    "resnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "seresnet50",
    "resnetv2_50",
    "res2net50_26w_4s",
    "dla34",
    "densenet121",
    "vgg11_bn",
    "mobilenetv2_100",
    "mobilenetv3_small_100",
    "efficientnet_b0",
    "regnetx_004",
    "regnety_004",
    "ghostnet_100",
    "hrnet_w18_small",
    "convnext_tiny",
    "convnextv2_nano",
    "swin_tiny_patch4_window7_224",
    "vit_small_patch16_224",
    "mixer_s32_224",
    "poolformer_s12",
    "repvgg_a0",
    "torchvision:alexnet",
    "torchvision:squeezenet1_1",
    "torchvision:googlenet",
    "torchvision:shufflenet_v2_x1_0",
    "torchvision:mnasnet0_5",
    "xception41",
    "resnest14d",
    "cspresnet50",
    "ese_vovnet19b_dw",
    "selecsls42",
    "tresnet_m",
    "mobilevit_s",
    "fastvit_t8",
    "levit_128",
    "vit_tiny_patch16_224",
    "torchvision:vit_b_32",
    "torchvision:efficientnet_v2_s",
    "torchvision:shufflenet_v2_x0_5",
    "edgenext_xx_small",
]
SIZE, BATCH, INPUTS = 224, 2, 2
CUDA_BATCH = 32


def main() -> None:
    warnings.simplefilter("ignore")
    what, *names = sys.argv[1:]
    right = total = 0
    for name in names or MODELS:
        for row, is_right in COMPARED[what](name):
            print(f"{name:32} {row}  {'' if is_right else 'DIFFERS'}", flush=True)
            right, total = right + is_right, total + 1
    print(f"{right} of {total}")


def built(name: str) -> nn.Module:
    source, _, model = name.rpartition(":")
    if source:
        import torchvision

        return torchvision.models.get_model(model, **({"aux_logits": False} if model == "googlenet" else {}))
    import timm

    return timm.create_model(model)


def traced(name: str, batch: int) -> Trace:
    model = built(name).eval().to("meta")
    with torch.device("meta"):
        return trace(model, [torch.empty(batch, 3, SIZE, SIZE)], {}, Project("/nowhere"))


def memory(name: str) -> Iterator[tuple[str, bool]]:
    """The forecast peak and the measured one, which may differ by a twentieth."""
    forecast = training_memory(traced(name, BATCH), Clock(120))
    model, image = built(name).train(), torch.randn(BATCH, 3, SIZE, SIZE)
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        outputs = list(tensors_in(model(image)))
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        optimizer.step()

    step()
    optimizer.zero_grad()
    kept = [*model.parameters(), *model.buffers(), *tensors_in([*optimizer.state.values()]), image]
    measured = sum(tensor.nbytes for tensor in kept) + peak_on_cpu(step)
    ratio = forecast.peak / measured
    yield f"{forecast.peak / 1e6:8.1f} MB, measured {measured / 1e6:8.1f} MB, {ratio:.3f}", abs(ratio - 1) <= 0.05


def cuda(name: str) -> Iterator[tuple[str, bool]]:
    """The forecast peak and the one that CUDA's allocator counted."""
    forecast = training_memory(traced(name, CUDA_BATCH), Clock(120))
    kept = workspace_of_cublas()
    model, image = built(name).train().cuda(), torch.randn(CUDA_BATCH, 3, SIZE, SIZE, device="cuda")
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(2):
        optimizer.zero_grad()
        torch.cuda.reset_peak_memory_stats()
        outputs = list(tensors_in(model(image)))
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        optimizer.step()
    measured = torch.cuda.max_memory_allocated() - kept
    ratio = forecast.peak / measured
    row = f"{forecast.peak / 1e6:8.1f} MB, measured {measured / 1e6:8.1f} MB beside {kept / 1e6:.1f} MB, {ratio:.3f}"
    yield row, abs(ratio - 1) <= 0.05


def workspace_of_cublas() -> int:
    """The bytes that stay allocated after a matrix product, forward and backward."""
    layer = nn.Linear(64, 64).cuda()
    layer(torch.randn(64, 64, device="cuda", requires_grad=True)).sum().backward()
    del layer
    gc.collect()
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated()


def fields(name: str) -> Iterator[tuple[str, bool]]:
    """The fields of the children of a model within the image, where they are known."""
    recorded = traced(name, 1)
    channels = channel_axes(recorded.nodes)
    outputs = {call.path: nodes[0] for call, nodes in recorded.results.items() if "." not in call.path and nodes}
    measured = Gradients(built(name), tuple(path for path in outputs if path))
    for path, node in outputs.items():
        field = receptive_field(node, channels) if path else None
        if field is not None:
            inside = tuple((max(0, first), min(SIZE - 1, last)) for first, last in field)
            found = measured.field(path, channels[node])
            yield f"{path:20} {inside}" + ("" if inside == found else f", measured {found}"), inside == found


class Gradients:
    """The input positions with a gradient. All layers average, so that no activation is cut off."""

    def __init__(self, model: nn.Module, paths: tuple[str, ...]) -> None:
        self._model = model.eval().double()
        with torch.no_grad():
            for module in self._model.modules():
                weight = getattr(module, "weight", None)
                if isinstance(module, nn.BatchNorm2d):  # not 0 as in timm, nor so much that relu6 is cut off
                    weight.fill_(0.5)
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    weight.copy_(weight.abs() / weight.abs().flatten(1).sum(1).view(-1, *[1] * (weight.dim() - 1)))
        for module in self._model.modules():
            if isinstance(module, nn.MaxPool2d):
                average = nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)
                module.forward = average.forward
        self._passes: list[tuple[Tensor, dict[str, Tensor]]] = []
        for path in paths:
            self._model.get_submodule(path).register_forward_hook(self._keeper(path))
        for _ in range(INPUTS):
            image = torch.rand(1, 3, SIZE, SIZE, dtype=torch.double, requires_grad=True)
            self._passes.append((image, {}))
            self._model(image)

    def _keeper(self, path: str):
        def keep(module: nn.Module, args: object, output: object) -> None:
            self._passes[-1][1].setdefault(path, next(tensors_in(output)))

        return keep

    def field(self, path: str, channel: int) -> Field:
        reached = torch.zeros(SIZE, SIZE, dtype=torch.bool)
        for image, outputs in self._passes:
            output = outputs[path].movedim(channel, 1)
            centre = output[(slice(None), slice(None), *(size // 2 for size in output.shape[2:]))]
            [gradient] = torch.autograd.grad(centre.sum(), image, retain_graph=True)
            reached |= (gradient != 0).any(1)[0]
        if not reached.any():
            return ()
        places = [reached.any(1 - axis).nonzero() for axis in (0, 1)]
        return tuple((int(place.min()), int(place.max())) for place in places)


COMPARED = {"memory": memory, "cuda": cuda, "fields": fields}

if __name__ == "__main__":
    main()
