"""Examples from functions that return inputs, matched with builders by name: `build_small` and `small_input`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from torch import nn

from ..build.factories import factories, leads_to
from ..load.load import Loaded
from .example import Example
from .makers import is_module_class, makes_tensors, needs_nothing

_GIVES_INPUTS = re.compile(
    r"(example|dummy|sample|fake|random|toy|mock)s?_?(inputs?|batch|data|tensors?|args)"
    r"|^(get|make|create|build|gen|generate|prepare)_(\w+_)?(inputs?|batch)(_|$)"
    r"|^inputs?_(constructor|for|of)|_(inputs?|batch)$|^(inputs?|batch)$"
)
_NOT_THE_NAME = re.compile(
    r"(example|dummy|sample|fake|random|toy|mock|inputs?|batch|data|tensors?|args|get|make|create|build|gen|generate"
    r"|prepare|constructor|for|of|model|net|network|load)"
)


def examples_from_functions(loaded: Loaded) -> Iterator[Example]:
    """Pair functions that return inputs with builders of the same name, or with all if the name is generic."""
    functions = {name: value for name, value in vars(loaded.module).items() if _gives_inputs(name, value, loaded)}
    builders = [*factories(loaded), *_plain_classes(loaded)]
    builders = [name for name in builders if name not in functions]
    for name, function in functions.items():
        partners = _partners(name, builders, loaded)
        for builder in partners:
            build = vars(loaded.module)[builder]
            yield Example(f"{builder}()", f"{name}()", builder, partial(_made, build, function), len(partners) == 1)


def _gives_inputs(name: str, value: Any, loaded: Loaded) -> bool:
    return (
        _GIVES_INPUTS.search(name) is not None
        and getattr(value, "__module__", None) == loaded.module.__name__
        and makes_tensors(value)
    )


def _plain_classes(loaded: Loaded) -> list[str]:
    """The module classes without required arguments, those that use most of the others first."""
    own = [
        name
        for name, value in vars(loaded.module).items()
        if is_module_class(value) and value.__module__ == loaded.module.__name__ and needs_nothing(value)
    ]
    return sorted(own, key=lambda name: -len(leads_to(name, loaded)))


def _partners(function: str, builders: Sequence[str], loaded: Loaded) -> list[str]:
    """The builders with the same name; for a generic name, the one that uses most classes of the file."""
    words = _words(function)
    if words:
        return [name for name in builders if _words(name) == words][:1] or _single(builders, loaded)
    return _single([name for name in builders if not _words(name)] or list(builders), loaded)


def _single(builders: Sequence[str], loaded: Loaded) -> list[str]:
    """The builder that uses most classes; none if it is ambiguous, so that the inputs are tried on all."""
    most = max((len(leads_to(name, loaded)) for name in builders), default=0)
    return [name for name in builders if len(leads_to(name, loaded)) == most]


def _words(name: str) -> tuple[str, ...]:
    """The significant words of a name: `("tiny", "vit")` for `build_tiny_vit`."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")
    return tuple(part for part in parts if part and not _NOT_THE_NAME.fullmatch(part))


def _made(build: Callable[..., nn.Module], function: Callable[[], Any]) -> tuple[nn.Module, Any]:
    return build(), function()
