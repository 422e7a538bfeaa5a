"""The signatures of torch's layers, so that `nn.Conv2d(64, 128, 3, 2)` can be read without importing torch.

Source: the documentation of torch.nn.
"""

from __future__ import annotations

import re

import libcst as cst

from resnet_lint.shared.records.fix_plans import Site

from .source_tree import Source, TextEdit

_CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias")
_TRANSPOSED = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias")
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")
_AVERAGE_POOL = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")

_SIGNATURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"Conv[123]d", _CONVOLUTION),
    (r"ConvTranspose[123]d", _TRANSPOSED),
    (r"(Sync)?BatchNorm([123]d)?|InstanceNorm[123]d", _NORM),
    (r"GroupNorm", ("num_groups", "num_channels", "eps", "affine")),
    (r"LayerNorm|RMSNorm", ("normalized_shape", "eps")),
    (r"Linear", ("in_features", "out_features", "bias")),
    (r"MaxPool[123]d", _MAX_POOL),
    (r"AvgPool[123]d", _AVERAGE_POOL),
    (r"avg_pool[123]d", ("input", *_AVERAGE_POOL)),
    (r"max_pool[123]d", ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")),
)


def layer_parameters(callee: cst.BaseExpression) -> tuple[str, ...] | None:
    """The parameters of a torch layer by its expression (`nn.Conv2d`, `Conv2d`); None for other expressions."""
    name = callee.attr.value if isinstance(callee, cst.Attribute) else getattr(callee, "value", "")
    return next((names for pattern, names in _SIGNATURES if re.fullmatch(pattern, str(name))), None)


def site_parameters(site: Site, call: cst.Call) -> tuple[str, ...]:
    """The parameters of the layer that a call constructs, with torch's names, also for custom layers.

    `StdConv2d(in_channel, out_channels, ...)` is a convolution, whose first parameter is `in_channels`.
    """
    unit = "features" if site.sort == "linear" else "channels"
    renamed = (re.sub(r"^(in|out)_?(ch\w*|c|planes|dim|features)$", rf"\1_{unit}", name) for name in site.parameters)
    return layer_parameters(call.func) or tuple(renamed)


def argument_of(call: cst.Call, parameters: tuple[str, ...], name: str) -> cst.Arg | None:
    """The argument that a call passes for a parameter, by keyword or position; None if there is none.

    Positions after `*args` and the contents of `**kwargs` are unknown.
    """
    for index, argument in enumerate(call.args):
        if argument.keyword is not None:
            if argument.keyword.value == name:
                return argument
        elif argument.star == "" and index < len(parameters) and parameters[index] == name:
            return argument
        elif argument.star == "*":
            break
    return next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None)


def function_parameters(function: cst.FunctionDef, bound: bool) -> tuple[str, ...]:
    """The names of a function's positional parameters; `bound` omits the first one (`self`)."""
    parameters = [*function.params.posonly_params, *function.params.params]
    return tuple(parameter.name.value for parameter in parameters[1 if bound else 0 :])


def default_of(function: cst.FunctionDef, name: str) -> cst.BaseExpression | None:
    """The default value of a parameter, if it has one."""
    parameters = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
    return next((p.default for p in parameters if p.name.value == name and p.default is not None), None)


def with_argument(
    call: cst.Call, parameters: tuple[str, ...], name: str, value: str, passed: cst.Arg | None, source: Source
) -> TextEdit | None:
    """The edit that sets an argument of a call, replacing `passed`; None if it has this value already, or no place.

    `parameters` are those of the called function, in order.
    """
    if passed is not None:
        return source.replaced(passed.value, value) if source.code(passed.value) != value else None
    if name not in parameters:
        return None
    # As a keyword argument, after the last argument that precedes it in the signature of the layer.
    before = [arg for arg in call.args if arg.star == "" and _comes_before(arg, name, parameters)]
    if not before or any(arg.star == "*" for arg in call.args):
        return None
    start, end = source.range_of(before[-1])
    line_start = source.text.rfind("\n", 0, start) + 1
    indent = source.text[line_start:start]
    apart = f",{source.module.default_newline}{indent}" if not indent.strip() else ", "
    return TextEdit(end, end, f"{apart}{name}={value}")


def without_argument(call: cst.Call, passed: cst.Arg, default: str, source: Source) -> TextEdit:
    """The edit that removes an argument of a call; it sets it to its default if another one depends on its position."""
    index = next(at for at, argument in enumerate(call.args) if argument is passed)
    later = call.args[index + 1 :]
    if index == 0 or (passed.keyword is None and any(argument.keyword is None for argument in later)):
        return source.replaced(passed.value, default)
    start, (_, end) = source.range_of(call.args[index - 1])[1], source.range_of(passed.value)
    return TextEdit(start, end, "")


def _comes_before(argument: cst.Arg, name: str, parameters: tuple[str, ...]) -> bool:
    keyword = argument.keyword.value if argument.keyword is not None else None
    return keyword not in parameters or parameters.index(keyword) < parameters.index(name)
