"""Classifies the parameters of forward() by annotation and name."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Literal

from torch import nn

from resnet_lint.graph.syntax import function_of

Form = Literal["tensor", "list", "tuple", "dict", "height", "width", "size", "int", "float", "bool", "str"]

_BY_ANNOTATION: tuple[tuple[str, Form], ...] = (
    (r"(Dict|dict|Mapping|OrderedDict)\[.*Tensor\]", "dict"),
    (r"(Tuple|tuple)\[.*Tensor", "tuple"),
    (r"(List|list|Sequence|Iterable)\[.*Tensor\]", "list"),
    (r"(Tuple|tuple|List|list|Sequence)\[int|Size$", "size"),
    (r"float$", "float"),
    (r"bool$", "bool"),
    (r"str$", "str"),
)
_HEIGHT = re.compile(r"^(h|height|img_h|image_height|feat_h)$", re.IGNORECASE)
_WIDTH = re.compile(r"^(w|width|img_w|image_width|feat_w)$", re.IGNORECASE)
_SIZE = re.compile(r"(^|_)(size|shape|resolution|hw|spatial_shape|grid)$", re.IGNORECASE)
_NUMBER = re.compile(r"^batch_(idx|nb|index)$")
_SEVERAL = re.compile(r"^(xs|x_list|inputs|feats?|features?|feature_(maps|list)|outs|images|.*_list|pyramid|maps)$")


def form_of(parameter: inspect.Parameter) -> Form:
    """The form of a parameter, by default a tensor."""
    text = _annotation(parameter)
    if text in ("", "int"):
        for pattern, form in ((_HEIGHT, "height"), (_WIDTH, "width"), (_SIZE, "size"), (_NUMBER, "int")):
            if pattern.search(parameter.name):
                return form  # type: ignore[return-value]
    if text == "int":
        return "int"
    return next((form for pattern, form in _BY_ANNOTATION if re.match(pattern, text)), "tensor")


def count_of(parameter: inspect.Parameter) -> int | None:
    """The number of tensors in a parameter according to its annotation: two for `tuple[Tensor, Tensor]`; else None."""
    text = _annotation(parameter)
    return text.count("Tensor") if form_of(parameter) == "tuple" and "..." not in text else None


def may_be_several(parameter: inspect.Parameter) -> bool:
    """Whether a parameter without an annotation may be a list of tensors, according to its name."""
    return not _annotation(parameter) and _SEVERAL.match(parameter.name) is not None


def keys_read(module: nn.Module, parameter: inspect.Parameter) -> list[str]:
    """The keys of a parameter that the forward reads: `image` for `batch["image"]`."""
    try:
        source = inspect.getsource(module.forward)
    except (OSError, TypeError):
        return []
    return list(dict.fromkeys(re.findall(rf"\b{parameter.name}\[[\"'](\w+)[\"']\]", source)))


def names_unpacked(module: nn.Module, parameter: inspect.Parameter) -> list[str]:
    """The names that the forward always gives the parts of a parameter: `image`, `label` for `image, label = batch`."""
    unpacked = (names_in(target) for target, value in assignments(module) if value == parameter.name)
    return next(filter(None, unpacked), [])


def assignments(module: nn.Module) -> Iterator[tuple[ast.expr, str]]:
    """The first target and the value, as text, of the assignments that the forward always makes."""
    code = getattr(module.forward, "__code__", None)
    function = function_of(code) if code is not None else None
    for statement in function.body if isinstance(function, ast.FunctionDef) else ():
        if isinstance(statement, ast.Assign):
            yield statement.targets[0], ast.unparse(statement.value)


def names_in(target: ast.expr) -> list[str]:
    """The names of a tuple or list; empty if it contains anything else."""
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


def _annotation(parameter: inspect.Parameter) -> str:
    """The annotation as text, without module names and Optional."""
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"\b(\w+\.)+", "", text).removesuffix(" | None")
    optional = re.fullmatch(r"Optional\[(.*)\]", text)
    return optional[1] if optional is not None else text
