"""Parses inputs and calls given by the user: `x=2x3x224x224` or `ids=2x16:int64`, and `Net(64, stride=2)`."""

from __future__ import annotations

import ast
import difflib
import re

from .errors import UsageError
from .records.places import Shape

DTYPES = (
    "float32", "float64", "float16", "bfloat16",
    "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128",
)  # fmt: skip

_SHAPE = re.compile(r"[1-9][0-9]*(?:x[1-9][0-9]*)*")


def parse_input(text: str) -> tuple[str, Shape, str | None]:
    """Parse `NAME=SHAPE` or `NAME=SHAPE:DTYPE` into name, shape (batch first), and dtype or None. Raises UsageError."""
    name, _, value = text.partition("=")
    shape, colon, dtype = value.partition(":")
    if not name.isidentifier() or not _SHAPE.fullmatch(shape):
        raise UsageError(f"invalid input {text!r}; expected NAME=SHAPE, such as x=2x3x224x224 or ids=2x16:int64")
    if colon and dtype not in DTYPES:
        nearest = difflib.get_close_matches(dtype, DTYPES, n=1, cutoff=0.4)
        choice = f"did you mean {nearest[0]}?" if nearest else f"choose from {', '.join(DTYPES)}"
        raise UsageError(f"unknown dtype {dtype!r} in input {text!r}; {choice}")
    return name, tuple(map(int, shape.split("x"))), dtype if colon else None


def written_input(name: str, shape: Shape, dtype: object) -> str:
    """Format an input for `parse_input`; `dtype` is a torch.dtype or its string."""
    kind = str(dtype).removeprefix("torch.")
    return f"{name}={'x'.join(map(str, shape))}" + (f":{kind}" if kind != "float32" else "")


def check_inputs(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts if all can be parsed and no name occurs twice. Raises UsageError."""
    names = [parse_input(text)[0] for text in texts]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"input {name!r} is given twice")
    return texts


def called_name(text: str) -> str:
    """The name at the start of a call: `Net` of `Net(64, stride=2)` and of `Net.small()`. Raises UsageError."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    function = call.func if isinstance(call, ast.Call) else None
    while isinstance(function, ast.Attribute | ast.Call):
        function = function.value if isinstance(function, ast.Attribute) else function.func
    if not isinstance(function, ast.Name):
        raise UsageError(f"{text!r} is not a call, such as Net(64, 128, stride=2)")
    return function.id


def call_in_front(text: str) -> tuple[str, str]:
    """Split a text into the call at its start and the rest; the call may contain spaces. Raises UsageError."""
    for bracket in re.finditer(r"\)(?=\s|$)", text):
        call, rest = text[: bracket.end()], text[bracket.end() :]
        try:
            called_name(call)
        except UsageError:
            continue  # the bracket of an argument
        return call, rest
    shown = text.partition(" #")[0].rstrip()
    raise UsageError(f"{shown!r} does not start with a call, such as call=Net(64, 128, stride=2)")
