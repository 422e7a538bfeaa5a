"""First guesses for inputs whose names say what they are: token ids, the edges of a graph, images beside text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from .guess import BATCH, STEPS, Guess

_EDGES = 24
_IDS = r"(^|_)(ids?|tokens?|idx|indices|labels?|targets?|src|tgt|captions?|words?)($|_)"
_TIMES = r"^(t|ts|time|times|timesteps?|sigma|noise_level)$"
_EDGE_INDEX = r"edge_?(index|list)|^edges$"

# The first pattern that matches the name.
_OF_GRAPHS: Sequence[tuple[str, Guess]] = (
    (_EDGE_INDEX, Guess((2, _EDGES), torch.int64)),
    (r"edge_?(attr|weight|feat)", Guess((_EDGES, 4))),
    (r"adj(acency)?($|_)|laplacian", Guess((STEPS, STEPS))),
)
_BESIDE_EDGES: Sequence[tuple[str, Guess]] = (
    (r"^batch$|_idx$|_ids?$", Guess((STEPS,), torch.int64)),
    (r"^pos$|xyz|coord", Guess((STEPS, 3))),
)
_BY_NAME: Sequence[tuple[str, Guess]] = (
    *_OF_GRAPHS,
    (_IDS, Guess((BATCH, STEPS), torch.int64)),
    (_TIMES, Guess((BATCH,))),
)
_LABELS = re.compile(r"^(ys?|labels?|targets?)$")
_IMAGES = re.compile(r"(^|_)(image|img|pixel_value|frame|photo|picture)s?($|_)")


def guess_named(name: str, names: Collection[str], usual: Guess, image: Guess | None) -> Guess:
    """The guess for an input `name` of a forward with the inputs `names`.

    `usual` is for other names, and `image` for images if the model has convolutions. The features beside the edges of a
    graph are those of its nodes.
    """
    if image is not None and _IMAGES.search(name):
        return image
    is_graph = any(re.search(pattern, other) for pattern, _ in _OF_GRAPHS for other in names)
    table = (*_OF_GRAPHS, *_BESIDE_EDGES, *_BY_NAME) if is_graph else _BY_NAME
    named = _first(table, name)
    if named is None and is_graph and len(usual.shape) == 2:
        return replace(usual, shape=(STEPS, *usual.shape[1:]))
    return named or usual


def guess_part(name: str, names: Collection[str], usual: Guess, image: Guess | None) -> Guess:
    """The guess for a part of a batch, `image, label = batch`: one label a sample, unless the model reads tokens."""
    if _LABELS.match(name) and usual.dtype.is_floating_point:
        return Guess((BATCH,), torch.int64)
    return guess_named(name, names, usual, image)


def is_of_graph(name: str) -> bool:
    """Whether an input is that of a graph, such as its edges: a tensor, even if the forward unpacks it."""
    return _first(_OF_GRAPHS, name) is not None


def field_named(name: str, other: Guess) -> Guess:
    """A tensor for a field of a record, according to its name; by default like `other`."""
    return _first((*_OF_GRAPHS, *_BESIDE_EDGES), name) or replace(other, kind="tensor")


def _first(table: Sequence[tuple[str, Guess]], name: str) -> Guess | None:
    return next((guess for pattern, guess in table if re.search(pattern, name)), None)
