"""Which inputs a model takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InputContract:
    """An input of a model: its sizes as letters (`N`, `H`) or as the numbers that the model fixes, and its dtype."""

    name: str
    sizes: tuple[str, ...]
    dtype: str

    @property
    def rank(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True)
class Condition:
    """What a model asks of the sizes of its inputs: `text` is Python (`H % 32 == 0`), with `ceil`.

    `kind` is fixed, least, divisible, range, or relation (of several sizes). `works` and `fails` are sizes on both
    sides of it at which the model was run.
    """

    text: str
    kind: str
    works: tuple[int, ...] = ()
    fails: tuple[int, ...] = ()


@dataclass(frozen=True)
class Contract:
    """Which inputs a model takes. It was held against runs at sizes from 1 to `largest`, `runs` of them.

    `doubt` says why it may not be the whole truth, None where nothing speaks against it. Without inputs, nothing is
    known.
    """

    inputs: tuple[InputContract, ...]
    conditions: tuple[Condition, ...]
    largest: int
    runs: int
    doubt: str | None = None
