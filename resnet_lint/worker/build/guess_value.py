"""Guesses a value for a constructor parameter, as source: from its name, annotation, and use in the file."""

from __future__ import annotations

import ast
import enum
import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from torch import nn

from ..load.load import Loaded
from .project_defaults import default_settings
from .settings_read import Settings, keys_read, settings_read

INPUT_CHANNELS = re.compile(
    r"^(in_?(c|ch|chs|chan|chans|channel|channels|planes|dim|dims|features|feats|filters|size|width|f|nc)"
    r"|(input|inp)(_?(dim|dims|channels?|size|features?|c|nc))?|c_?in|cin|ic|inc|c1|ch1|input_nc|outer_nc|inplanes|n_?in|nin|ch_?in|dim_in"
    r"|channels?_in|num_in\w*|n_inputs?)$"
)
OUTPUT_CHANNELS = re.compile(
    r"^(out_?(c|ch|chs|chan|chans|channel|channels|planes|dim|dims|features|feats|filters|size|width|f|nc)?"
    r"|(output|outp|oup)(_?(dim|dims|channels?|size|features?|c|nc))?|c_?out|cout|oc|outc|c2|ch2|output_nc|inner_nc|planes|n_?out|nout|ch_?out"
    r"|dim_out|channels?_out|num_out\w*|num_channels|filters|n_outputs?)$"
)
_WIDTH_WORDS = re.compile(
    r"(dim|channel|width|feature|hidden|planes|filters|size|embed|_model|^c$|^ch$|^n?f$|_nc$|n_embd|_chs?$)"
)

# A width that is divisible by heads, groups and reductions, and differs from the 3 channels of an image.
WIDTH = 64

_CONFIGURATION = re.compile(r"config|^cfg|_cfg$|^args$|^opts?$|hparams|hyper")
_BLOCK = re.compile(r"^(block|layer_cls|block_cls|block_fn|resblock)s?$")
# A module that the class wraps. The identity works for most of them.
_PART = re.compile(
    r"^(?!(dim|num|n|d|size)_)((sub_?|base_?)?(model|module|network|layer)|net|backbone|encoder|decoder|body|trunk|stem|head|neck|classifier|fn"
    r"|func|transform|attn|attention|mlp|ffn|inner|branch|main|path|.*_(module|encoder|decoder|head|backbone|predictor|pool))$"
)

# The number of axes of a map, as in `spatial_dims`, which is not a width.
_AXES = re.compile(r"^((spatial|space|n|num)_?dims?|n?_?dimensions?)$")

# The first pattern that matches the name of a parameter, and whose value has the annotated type, gives the value.
_BY_NAME: Sequence[tuple[str, str]] = (
    (_AXES.pattern, "2"),
    (r"^device$", '"cpu"'),
    (r"^dtype$", "torch.float32"),
    (r"n_?class|classes|vocab|^n?_?tokens?$|num_tokens", "10"),
    (r"^rnn_?type$", '"LSTM"'),
    (r"^n_?(inp|hid)$|^emsize$", "64"),
    (r"growth", "16"),
    (r"in_chans|image_channels|img_channels|n_channels|channels_img", "3"),
    (r"kernel|^k$|ksize|window", "3"),
    (r"stride|dilation|groups|expansion|expand|scale|factor|^t$|^n$|reps", "1"),
    (r"pad", "1"),
    (r"head", "4"),
    (r"drop|prob|eps|momentum|thresh|fraction|^p$", "0.0"),
    (r"ratio|reduction|cardinality", "4"),
    (r"(n|num|number)_?(layers?|blocks?|units?|stages?|repeats?|convs?)|depth$", "2"),
    (r"layers|num_blocks|depths|block_nums|repeats", "(2, 2, 2, 2)"),
    (r"img_size|image_size|resolution|input_size|^size$", "32"),
    (r"patch", "4"),
    (r"seq|max_len|length|block_size|context|max_position", "32"),
    (r"^(use|with|has|is|no)_|bias|bilinear|learned|inplace", "True"),
    (r"(^|_)(loss|criterion)(_f?c?n|_func|_function)?$", "nn.MSELoss()"),
    (r"activation|act_layer|^act$|nonlinearity|act_fn", "nn.ReLU"),
    (r"norm", "nn.BatchNorm2d"),
    (r"norm", '"batch"'),
    (r"widths|channels_list|dims|hidden_sizes|features_list|filters_list", "(16, 32, 64, 128)"),
)
_BY_TYPE: Mapping[Any, str] = {int: str(WIDTH), float: "0.5", bool: "True", str: '"relu"', dict: "{}"}
_PLAIN_TYPES = {"int": int, "float": float, "bool": bool, "str": str, "dict": dict, "tuple": tuple, "list": list}
_MOST_NESTED = 3


def is_width(name: str) -> bool:
    """Whether a parameter is a number of channels or features."""
    name = name.lower()
    if _AXES.match(name):
        return False
    return bool(INPUT_CHANNELS.match(name) or OUTPUT_CHANNELS.match(name) or _WIDTH_WORDS.search(name))


def says_what(name: str) -> bool:
    """Whether the name of a parameter says what it is: `planes`, `kernel_size`, `cfg`, but not `i` or `a`."""
    word = name.lower()
    known = (_CONFIGURATION.pattern, _BLOCK.pattern, _PART.pattern, *(pattern for pattern, _ in _BY_NAME))
    return is_width(word) or any(re.search(pattern, word) for pattern in known)


def value_for(parameter: inspect.Parameter, loaded: Loaded, nested: int = 0) -> str | None:
    """The source of a value in the namespace of the file; None if it cannot be guessed."""
    annotation = _resolved(parameter.annotation, loaded)
    value = _value(parameter.name, annotation, loaded, nested)
    return _in_form(value, annotation) if value is not None else None


def _value(name: str, annotation: Any, loaded: Loaded, nested: int) -> str | None:
    word = name.lower()
    if INPUT_CHANNELS.match(word) or OUTPUT_CHANNELS.match(word):
        return str(WIDTH)
    if isinstance(annotation, type) and _is_own(annotation, loaded):
        return _of_own_class(annotation, loaded, nested)
    if _CONFIGURATION.search(word):
        return _configuration(name, loaded, nested)
    if _BLOCK.match(word):
        return _block_class(loaded)
    if typing.get_origin(annotation) is typing.Literal:
        return repr(typing.get_args(annotation)[0])
    if _is_callable(annotation):
        return _class_named_like(word, loaded)
    if _PART.match(word) or (isinstance(annotation, type) and issubclass(annotation, nn.Module)):
        return _part(annotation)
    for pattern, value in _BY_NAME:
        if re.search(pattern, word) and _suits(value, annotation):
            return value
    default = _default_elsewhere(name, loaded.tree)
    if default is not None and _suits(default, annotation):
        return default
    if isinstance(annotation, type) and annotation in _BY_TYPE:
        return _BY_TYPE[annotation]
    if is_width(word) or _element(annotation) is int:
        return str(WIDTH)
    return None


def _resolved(annotation: Any, loaded: Loaded) -> Any:
    """An annotation as an object, evaluated if it is a string; for an Optional, its type."""
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, {**vars(typing), **_PLAIN_TYPES, **loaded.namespace})
        except Exception:  # it may contain names that exist for type checkers only
            return inspect.Parameter.empty
    inner = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    optional = type(None) in typing.get_args(annotation)
    return inner[0] if inner and (optional or typing.get_origin(annotation) is typing.Union) else annotation


def _suits(value: str, annotation: Any) -> bool:
    """Whether a value matches a simple annotation: not a tuple for `int`, nor a class for `str`."""
    kinds = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if not all(isinstance(kind, type) and kind in _PLAIN_TYPES.values() for kind in kinds):
        return True
    if value.startswith(("nn.", "torch.")):
        return False
    read = ast.literal_eval(value)
    return isinstance(read, kinds) or (float in kinds and isinstance(read, int))


def _default_elsewhere(name: str, tree: ast.Module) -> str | None:
    """The literal default of a parameter of the same name in another function of the file."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        positional = [*node.args.posonlyargs, *node.args.args]
        with_default = zip(positional[len(positional) - len(node.args.defaults) :], node.args.defaults, strict=True)
        for parameter, default in chain(with_default, zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)):
            if parameter.arg == name and default is not None and _is_setting(default):
                return ast.unparse(default)
    return None


def _is_setting(default: ast.expr) -> bool:
    try:
        return ast.literal_eval(default) is not None
    except ValueError:
        return False


def _in_form(value: str, annotation: Any) -> str:
    """Convert a value to its annotation: `(3, 3)` for `tuple[int, int]`, `[3, 3]` for a list."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if list in (origin, annotation) and value.startswith("("):
        return f"[{value.strip('(,)')}]"
    if not isinstance(origin, type) or not issubclass(origin, Sequence) or value.startswith(("(", "[")):
        return value
    count = len(parts) if origin is tuple and Ellipsis not in parts else 2
    joined = ", ".join([value] * count)
    return f"[{joined}]" if origin is list else f"({joined},)" if count == 1 else f"({joined})"


def _element(annotation: Any) -> Any:
    """The type of the elements of a list or a tuple."""
    return next(iter(typing.get_args(annotation)), None)


def _is_callable(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    return annotation is typing.Callable or origin is type or (origin is not None and origin.__name__ == "Callable")


def _part(annotation: Any) -> str:
    return "nn.ModuleList([nn.Identity()])" if annotation is nn.ModuleList else "nn.Identity()"


def _class_named_like(name: str, loaded: Loaded) -> str:
    """A layer class for a parameter such as `conv_builder` or `norm_layer`."""
    for word in (
        part for part in name.split("_") if len(part) > 2 and part not in ("layer", "builder", "cls", "class")
    ):
        for known, own in _own_modules(loaded).items():
            if word in known.lower() and not inspect.isabstract(own):
                return known
    usual = {"act": "nn.ReLU", "norm": "nn.BatchNorm2d", "conv": "nn.Conv2d", "linear": "nn.Linear"}
    return next((source for word, source in usual.items() if word in name), "nn.Identity")


def _block_class(loaded: Loaded) -> str | None:
    """A block class of the file: one with an attribute `expansion`, or named block or bottleneck."""
    own = _own_modules(loaded)
    named = (name for name in own if re.search("block|bottleneck", name, re.IGNORECASE))
    return next((name for name, cls in own.items() if hasattr(cls, "expansion")), None) or next(named, None)


def _own_modules(loaded: Loaded) -> dict[str, type[nn.Module]]:
    return {
        name: value
        for name, value in vars(loaded.module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == loaded.module.__name__
    }


def _is_own(kind: type, loaded: Loaded) -> bool:
    return vars(loaded.module).get(kind.__name__) is kind and not kind.__module__.startswith(("torch", "typing"))


def _of_own_class(kind: type, loaded: Loaded, nested: int) -> str | None:
    """An instance of a class of the project: a member of an enum, or a call with guessed arguments."""
    if issubclass(kind, enum.Enum):
        return next((str(f"{kind.__name__}.{member.name}") for member in kind), None)
    try:
        required = [
            p
            for p in inspect.signature(kind).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return None
    if nested == _MOST_NESTED:
        return None
    values = {p.name: value_for(p, loaded, nested + 1) for p in required}
    return f"{kind.__name__}({', '.join(f'{name}={value}' for name, value in values.items())})"


def _configuration(name: str, loaded: Loaded, nested: int) -> str | None:
    """A configuration class with its defaults, that of the project, or an object with the attributes that are read.

    Of several classes, that with most of these attributes: `BertConfig` of the file, and not `PretrainedConfig`.
    """
    names, keys = settings_read(name, loaded.tree), keys_read(name, loaded.tree)
    kinds = [kind for kind in vars(loaded.module).values() if _is_configuration(kind, loaded)]
    if kinds:
        return _of_own_class(max(kinds, key=lambda kind: len(_settings(kind) & {*names})), loaded, nested)
    defaults = default_settings([*names], loaded) if names else None
    if defaults is not None:
        return defaults
    if names:
        return _namespace(names)
    if keys:
        return f"{{{', '.join(f'{key!r}: {setting(key)}' for key in keys)}}}"
    return None


def is_default_configuration(value: str, loaded: Loaded) -> bool:
    """Whether a value is a configuration class of the file with its defaults: `GPTConfig()`. Models work for those."""
    kind = vars(loaded.module).get(value.removesuffix("()")) if value.endswith("()") else None
    return _is_configuration(kind, loaded) and kind.__module__ == loaded.module.__name__


def _is_configuration(kind: Any, loaded: Loaded) -> bool:
    return (
        isinstance(kind, type) and _is_own(kind, loaded) and re.search(r"(Config|Cfg|Args)$", kind.__name__) is not None
    )


def _settings(kind: type) -> set[str]:
    """The attributes of a class, and the parameters of its constructor."""
    with suppress(TypeError, ValueError):
        return {*dir(kind), *inspect.signature(kind).parameters}
    return {*dir(kind)}


def setting(name: str) -> str:
    """The source of a value for a setting, guessed from its name."""
    word = name.lower()
    return next((value for pattern, value in _BY_NAME if re.search(pattern, word)), str(WIDTH))


def _namespace(names: Settings) -> str:
    """The source of an object with these settings."""
    values = (f"{name}={_namespace(inner) if inner else setting(name)}" for name, inner in names.items())
    return f"SimpleNamespace({', '.join(values)})"
