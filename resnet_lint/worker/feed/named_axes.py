"""The sizes of an input by the names that the forward gives to its axes, as in `b, t, c, h, w = x.shape`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from .guess import BATCH, STEPS, Guess
from .input_kinds import assignments, names_in

_SHORT = 4  # frames of maps: models loop over them
_ROLES: Sequence[tuple[str, re.Pattern[str]]] = (
    ("batch", re.compile(r"^(b|bs|bsz|nb|batch\w*|num_batch\w*)$")),
    (
        "channels",
        re.compile(r"^(c|ch|chans?|channels?|c_?in|in_c\w*|e|f|feat\w*|embed\w*|emb|hidden\w*|\w*dim|d_model)$"),
    ),
    ("height", re.compile(r"^(h|height|rows)$")),
    ("width", re.compile(r"^(w|width|cols)$")),
    (
        "steps",
        re.compile(r"^(t|l|s|k|m|v|p|n|time\w*|steps?|seq\w*|len\w*|frames?|tokens?|nodes?|points?|(n|num)_\w+)$"),
    ),
)


def with_named_axes(module: nn.Module, parameter: inspect.Parameter, guess: Guess, size: tuple[int, int]) -> Guess:
    """The guess with the rank and the order of its axes that the forward reads; unchanged if it does not name them."""
    names = [name.lower() for name in _names_of_axes(module, parameter.name)]
    roles = _roles(names)
    if guess.kind != "tensor" or not roles or not _says_more(roles, guess):
        return guess
    sizes = {"batch": BATCH, "channels": _width(guess), "height": size[0], "width": size[1], "depth": STEPS}
    steps = _SHORT if "height" in roles else STEPS
    return replace(guess, shape=tuple(sizes.get(role, steps) for role in roles))


def _says_more(roles: Sequence[str], guess: Guess) -> bool:
    """Whether the rank differs, or the channels of an image are not where they usually are."""
    return len(roles) != len(guess.shape) or (len(roles) == 4 and roles[3] == "channels" and "height" in roles)


def _width(guess: Guess) -> int:
    return guess.shape[-1] if len(guess.shape) in (1, 3) else guess.shape[1]


def _roles(names: Sequence[str]) -> list[str]:
    """The role of every axis: `["batch", "steps", "channels", "height", "width"]`; empty if one is unknown."""
    roles = [_role(name) for name in names]
    if roles[:1] == ["steps"] and names[0] == "n":
        roles[0] = "batch"
    if "d" in names:
        is_volume = "height" in roles and ("channels" in roles or "_" in names)
        roles[names.index("d")] = "depth" if is_volume else "channels"
    for axis, name in enumerate(names):
        if name.strip("_") == "":
            unnamed = "channels" if "channels" not in roles else "steps"
            roles[axis] = "batch" if axis == 0 else unnamed
    if any(role is None for role in roles) or roles.count("channels") != 1 or roles.count("batch") > 1:
        return []
    return [role for role in roles if role is not None]


def _role(name: str) -> str | None:
    return next((role for role, pattern in _ROLES if pattern.match(name)), None)


def _names_of_axes(module: nn.Module, parameter: str) -> list[str]:
    """The names in the first `b, c, h, w = x.shape` or `x.size()`, unless the forward changes `x` before."""
    for target, value in assignments(module):
        if value in (f"{parameter}.shape", f"{parameter}.size()"):
            return names_in(target)
        if ast.unparse(target) == parameter:
            return []
    return []
