"""The arguments that `run` and `trace` share: which model, how it is built, and what it is fed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from resnet_lint.shared.notation import check_inputs


def _checked(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return check_inputs(values)


_OPTIONS: Sequence[Callable[[Callable[..., Any]], Callable[..., Any]]] = (
    click.argument("path", metavar="PATH[::Target]"),
    click.option("--call", metavar="CALL", help="How to build the model: 'Net(64, 128, stride=2)'."),
    click.option(
        "--input",
        metavar="NAME=SHAPE",
        multiple=True,
        callback=_checked,
        help="What to feed forward(): x=2x3x224x224, or ids=2x16:int64. Once for each input.",
    ),
)


def takes_a_model(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the arguments `path`, `call` and `input`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
