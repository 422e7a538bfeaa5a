"""The inputs that a user gives by hand: `x=2x3x224x224`, `ids=2x16:int64`."""

from __future__ import annotations

import difflib
import re

from .errors import UsageError
from .records import Shape

DTYPES = (
    "float32", "float64", "float16", "bfloat16",
    "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128",
)  # fmt: skip

_SHAPE = re.compile(r"[1-9][0-9]*(?:x[1-9][0-9]*)*")


def parse_input(text: str) -> tuple[str, Shape, str | None]:
    """Take `NAME=SHAPE` or `NAME=SHAPE:DTYPE` apart: name, sizes (batch first), dtype or None. Raises UsageError."""
    name, _, value = text.partition("=")
    shape, colon, dtype = value.partition(":")
    if not name.isidentifier() or not _SHAPE.fullmatch(shape):
        raise UsageError(f"the input {text!r} is not NAME=SHAPE; write it as x=2x3x224x224 or ids=2x16:int64")
    if colon and dtype not in DTYPES:
        nearest = difflib.get_close_matches(dtype, DTYPES, n=1, cutoff=0.4)
        choice = f"did you mean {nearest[0]}?" if nearest else f"choose from {', '.join(DTYPES)}"
        raise UsageError(f"the input {text!r} has an unknown dtype {dtype!r}; {choice}")
    return name, tuple(map(int, shape.split("x"))), dtype if colon else None


def check_inputs(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The same texts, when each one can be parsed and no name stands twice. Raises UsageError."""
    names = [parse_input(text)[0] for text in texts]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"the input {name!r} is given twice; give each input one shape")
    return texts
