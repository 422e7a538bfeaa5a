"""The contract of a block for its channels and stride, with guessed values for other arguments."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from resnet_lint.graph.trace import Trace

from ..build.factories import own_shapes, shapes_in
from ..build.guess_arguments import invented, parameters_of
from ..build.guess_value import WIDTH
from ..feed.feed import feed
from ..load.classes import ModelClass
from ..load.load import Loaded
from .constructor_contract import ConstructorContract, constructor_contract

_STRIDES = (1, 2, 3)


def block_contract(model: ModelClass, loaded: Loaded) -> ConstructorContract | None:
    """The channels and strides that the additions of a class accept.

    None if it has no such parameters, does not accept symbols, or requires an argument that cannot be guessed, such as
    a shortcut that the caller passes.
    """
    plain, found = invented(model.type, loaded)[0], parameters_of(model.type)
    names = [name for name in (found.inputs, found.outputs, found.stride) if name is not None]
    if not names or plain.unknown or not plain.sure:
        return None
    guessed = (plain.kwargs.get(name, "") for name in names if name != found.stride)
    widths = sorted({WIDTH, 2 * WIDTH, *(int(guess) for guess in guessed if guess.isdigit())})
    values = [_STRIDES if name == found.stride else widths for name in names]
    grid = [dict(zip(names, point, strict=True)) for point in itertools.product(*values)]
    call = replace(plain, kwargs={**plain.kwargs, **dict(zip(names, names, strict=True))}).call(model.name)

    def make(point: Mapping[str, Any]) -> nn.Module:
        made: nn.Module = eval(call, {**loaded.namespace, **point})
        return made

    def fed(module: nn.Module) -> Trace:
        return feed(module, loaded.project, [*own_shapes(module), *shapes_in(loaded.tree)])[0]

    return constructor_contract(make, grid, fed, loaded.project)
