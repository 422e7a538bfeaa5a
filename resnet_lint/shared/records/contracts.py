"""The input contract of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InputContract:
    """An input of a model: its sizes, as symbols (`N`, `H`) or as fixed numbers, and its dtype."""

    name: str
    sizes: tuple[str, ...]
    dtype: str

    @property
    def rank(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True)
class Condition:
    """A condition on the input sizes: `text` is a Python expression (`H % 32 == 0`), with `ceil`.

    `kind` is fixed, least, divisible, range, or relation (of several sizes). `works` and `fails` are sizes at which the
    model was run. `mixes` are those of `fails` at which it runs, but returns another batch than that of its inputs: its
    rows are made of several samples.
    """

    text: str
    kind: str
    works: tuple[int, ...] = ()
    fails: tuple[int, ...] = ()
    mixes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Contract:
    """The inputs that a model accepts, compared with `runs` runs at sizes from 1 to `largest`.

    `doubt` is the reason why it may be incomplete, None if there is none. Without `inputs`, nothing is known.
    """

    inputs: tuple[InputContract, ...]
    conditions: tuple[Condition, ...]
    largest: int
    runs: int
    doubt: str | None = None
