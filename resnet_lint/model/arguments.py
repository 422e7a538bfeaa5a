"""Invents constructor arguments from a parameter's name, annotation and default, where the file gives none."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from torch import nn

INPUT_CHANNELS = re.compile(
    r"^(in_?(c|ch|chs|chan|chans|channel|channels|planes|dim|dims|features|feats|filters|size|width|f|nc)"
    r"|(input|inp)(_?(dim|dims|channels?|size|features?|c|nc))?|c_?in|cin|ic|inc|c1|ch1|input_nc|outer_nc|inplanes|n_?in|nin|ch_?in|dim_in"
    r"|channels?_in|num_in\w*|n_inputs?)$"
)
OUTPUT_CHANNELS = re.compile(
    r"^(out_?(c|ch|chs|chan|chans|channel|channels|planes|dim|dims|features|feats|filters|size|width|f|nc)?"
    r"|(output|outp|oup)(_?(dim|dims|channels?|size|features?|c|nc))?|c_?out|cout|oc|outc|c2|ch2|output_nc|inner_nc|planes|n_?out|nout|ch_?out"
    r"|dim_out|channels?_out|num_out\w*|filters|n_outputs?)$"
)
STRIDE = re.compile(r"^(stride|strides|s|downsample_stride|down_?stride)$")
SHORTCUT = re.compile(r"(downsample|shortcut|projection|^proj|skip|identity|residual|^sc$)")

# A width that heads, groups and reductions divide; other than 3, so that a mix-up with the image's channels shows.
WIDTH = 64

# Tried in this order against a parameter's name; the first that matches gives the value.
_BY_NAME: Sequence[tuple[str, Any]] = (
    (r"n_?class|classes|vocab", 10),
    (r"growth", 16),
    (r"in_chans|image_channels|img_channels|n_channels|channels_img", 3),
    (r"kernel|^k$|ksize|window", 3),
    (r"stride|dilation|groups|expansion|expand|scale|factor|^t$|^n$|reps", 1),
    (r"padding|^p$|^pad$", 1),
    (r"head", 4),
    (r"drop|prob|rate|eps|momentum|alpha|beta|gamma|slope", 0.0),
    (r"ratio|reduction|cardinality", 4),
    (r"(n|num|number)_?(layers?|blocks?|units?|stages?|repeats?|convs?)|depth$", 2),
    (r"layers|num_blocks|depths|block_nums|repeats", (2, 2, 2, 2)),
    (r"img_size|image_size|resolution|input_size|^size$", 32),
    (r"patch", 4),
    (r"seq|max_len|length|block_size|context", 32),
    (r"^(use|with|has|is|no)_|bias|bilinear|learned|inplace", True),
    (r"activation|act_layer|^act$|nonlinearity|act_fn", nn.ReLU),
    (r"norm", nn.BatchNorm2d),
    (r"widths|channels_list|dims|hidden_sizes|features_list|filters_list", (16, 32, 64, 128)),
)
_BUILT_IN = {"int": int, "float": float, "bool": bool, "str": str}
_BY_TYPE: Mapping[Any, Any] = {int: WIDTH, float: 0.5, bool: True, str: "relu"}


@dataclass(frozen=True)
class Invented:
    """Arguments for a constructor that nobody wrote down.

    `varied` says in words what differs from the plain try. They are `sure` where they are channels and strides alone: a
    block has to work for those, while an invented kernel or padding may simply be one that does not fit. With
    `lacks_shortcut` the block gets None for a shortcut that is its caller's to give, and need not work without.
    """

    kwargs: Mapping[str, Any]
    varied: str | None = None
    sure: bool = True
    lacks_shortcut: bool = False

    def text(self, name: str) -> str:
        """The call as source."""
        shown = ", ".join(f"{key}={getattr(value, '__name__', value)}" for key, value in self.kwargs.items())
        return f"{name}({shown})"


@dataclass(frozen=True)
class Parameters:
    """The parameters of a constructor that matter for a residual block."""

    required: tuple[inspect.Parameter, ...]
    inputs: str | None
    outputs: str | None
    stride: str | None
    shortcut_from_caller: bool


def parameters_of(make: Callable[..., Any]) -> Parameters:
    """Read a constructor's signature. Raises ValueError or TypeError where Python has none for it."""
    named = [p for p in inspect.signature(make).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Parameters(
        tuple(p for p in named if p.default is p.empty),
        next((p.name for p in named if INPUT_CHANNELS.match(p.name)), None),
        next((p.name for p in named if OUTPUT_CHANNELS.match(p.name)), None),
        next((p.name for p in named if STRIDE.match(p.name) and _is_int(p)), None),
        any(SHORTCUT.search(p.name) and p.default is None for p in named),
    )


def required_names(make: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters that need a value; none where Python has no signature for it."""
    try:
        return tuple(parameter.name for parameter in parameters_of(make).required)
    except (TypeError, ValueError):
        return ()


def parameter_names(make: Callable[..., Any]) -> frozenset[str]:
    """The names of a callable's parameters; none where Python has no signature for it."""
    try:
        return frozenset(inspect.signature(make).parameters)
    except (TypeError, ValueError):
        return frozenset()


def invented(make: type[nn.Module], module: ModuleType) -> list[Invented]:
    """Arguments to try, the plainest first: equal channels at stride 1, then other channels, then stride 2.

    Without channels or stride among the parameters, there is one try. Empty where a parameter defies guessing.
    """
    found = parameters_of(make)
    plain = {parameter.name: _value_for(parameter, module) for parameter in found.required}
    if any(value is _UNKNOWN for value in plain.values()):
        return []
    sure = not found.shortcut_from_caller and all(_is_width(name) or STRIDE.match(name) for name in plain)
    expansion = getattr(make, "expansion", 1)
    if isinstance(expansion, int) and expansion != 1 and found.inputs and found.outputs:
        plain[found.inputs] = WIDTH * expansion
    variants: list[tuple[dict[str, Any], str | None]] = [({}, None)]
    if found.inputs and found.outputs:
        variants.append(({found.outputs: 2 * WIDTH}, f"{found.inputs} differs from {found.outputs}"))
    if found.stride:
        variants.append(({found.stride: 2}, f"{found.stride} is 2"))
    return [Invented({**plain, **change}, varied, sure, found.shortcut_from_caller) for change, varied in variants]


def unguessable(make: type[nn.Module], module: ModuleType) -> tuple[str, ...]:
    """The names of the parameters whose values nobody can guess."""
    return tuple(p.name for p in parameters_of(make).required if _value_for(p, module) is _UNKNOWN)


class _Unknown:
    pass


_UNKNOWN = _Unknown()


def _value_for(parameter: inspect.Parameter, module: ModuleType) -> Any:
    name, annotation = parameter.name.lower(), parameter.annotation
    if isinstance(annotation, str):
        annotation = vars(module).get(annotation, _BUILT_IN.get(annotation, annotation))
    if INPUT_CHANNELS.match(name) or OUTPUT_CHANNELS.match(name):
        return WIDTH
    if re.search(r"config|^cfg|^args$|^opts?$|hparams|hyper", name):
        return _configuration(annotation, module)
    if re.search(r"^(block|layer_cls|block_cls|block_fn|resblock)s?$", name):
        return _block_class(module)
    for pattern, value in _BY_NAME:
        if re.search(pattern, name):
            return value
    if annotation in _BY_TYPE:
        return _BY_TYPE[annotation]
    if isinstance(annotation, type) and annotation.__module__ == module.__name__:
        return _with_defaults(annotation)
    if _is_width(name):
        return WIDTH
    return _UNKNOWN


def _is_width(name: str) -> bool:
    """Whether a parameter counts channels or features."""
    name = name.lower()
    if INPUT_CHANNELS.match(name) or OUTPUT_CHANNELS.match(name):
        return True
    return (
        re.search(r"(dim|channel|width|feature|hidden|planes|filters|size|embed|model|^c$|^ch$|^n?f$|_nc$)", name)
        is not None
    )


def _configuration(annotation: Any, module: ModuleType) -> Any:
    """A configuration with its defaults: of the annotated class, else of the first class that is named like one."""
    named = [value for name, value in vars(module).items() if re.search(r"(Config|Cfg|Args)$", name)]
    for kind in (annotation, *named):
        made = _with_defaults(kind) if isinstance(kind, type) and kind is not inspect.Parameter.empty else _UNKNOWN
        if made is not _UNKNOWN:
            return made
    return _UNKNOWN


def _with_defaults(kind: type) -> Any:
    """An instance of a configuration class of the file, such as a dataclass whose fields all have defaults."""
    try:
        return kind()
    except Exception:  # it is the user's code; whatever it raises, it does not build
        return _UNKNOWN


def _block_class(module: ModuleType) -> Any:
    """A class of the file that is made to be repeated: one with an `expansion`, or named a block or bottleneck."""
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, nn.Module)]
    for cls in classes:
        if cls.__module__ == module.__name__ and hasattr(cls, "expansion"):
            return cls
    for cls in classes:
        if cls.__module__ == module.__name__ and re.search("block|bottleneck", cls.__name__, re.IGNORECASE):
            return cls
    return _UNKNOWN


def _is_int(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty or isinstance(parameter.default, int)
