"""The first layer of a model from a library, such as `resnet18()`, for another number of input channels."""

from __future__ import annotations

from torch import nn

from resnet_lint.graph.built_at import built_of
from resnet_lint.graph.fault import Fault
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.shared.records.fix_plans import ReplaceLayer

from .evidence import number_text


def replaced_first_layer(fault: Fault) -> ReplaceLayer | None:
    """Replace the layer where the model is constructed, if the user's file has only this call, and not the layer's.

    With pretrained weights, which the new layer would not have, it is unsafe.
    """
    call: ModuleCall = fault.node.known_call
    layer, root = call.module, list(call.with_callers())[-1].module
    built, model = built_of(layer), built_of(root)
    if not isinstance(layer, nn.modules.conv._ConvNd) or layer is root or built is None or model is None:
        return None
    if built.chain != model.chain or fault.node.sources[0].kind != "input" or layer.groups != 1:
        return None
    channels, path = fault.node.inputs[0][1], call.path
    title = f"replace {path} for an input of {channels} channels, after the model is constructed"
    pretrained = any(word in model.point.text for word in ("weights", "pretrained"))
    arguments = _arguments(layer, channels)
    return ReplaceLayer(title, model.point.span, path, type(layer).__name__, arguments, changes_results=pretrained)


def _arguments(layer: nn.modules.conv._ConvNd, channels: int) -> str:
    """The arguments that construct a convolution, without those that have their default."""
    sizes = {"stride": (layer.stride, 1), "padding": (layer.padding, 0), "dilation": (layer.dilation, 1)}
    parts = [str(channels), str(layer.out_channels), f"kernel_size={number_text(layer.kernel_size)}"]
    parts += [
        f"{name}={value!r}" if isinstance(value, str) else f"{name}={number_text(value)}"
        for name, (value, default) in sizes.items()
        if isinstance(value, str) or set(value) != {default}
    ]
    return ", ".join([*parts, "bias=False"] if layer.bias is None else parts)
