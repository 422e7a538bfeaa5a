"""Collects the examples of all readers, in order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..load.load import Loaded
from .example import Example
from .factories_with_inputs import examples_from_pairs
from .input_functions import examples_from_functions
from .tables import examples_in_tables

_READERS: tuple[Callable[[Loaded], Iterator[Example]], ...] = (
    examples_in_tables,
    examples_from_pairs,
    examples_from_functions,
)


def examples(loaded: Loaded) -> list[Example]:
    """The models of a file that come with inputs; of several examples for one label, the first that is stated."""
    found = [example for reader in _READERS for example in reader(loaded)]
    stated = {(example.label, example.origin): example for example in found}
    return sorted(stated.values(), key=lambda example: not example.stated)
