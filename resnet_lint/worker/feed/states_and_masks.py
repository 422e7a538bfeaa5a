"""Proposals for two inputs that have no shape of their own: the state of a recurrent layer, and masks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import nn

from .guess import BATCH, STEPS, Guess, Guesses
from .situation import Situation

_STATE = re.compile(r"^(h|hx|hc|h_?0|hidden\w*|states?|prev_\w+|\w*_(hidden|state)s?|init_\w+)$")
_ABOUT_STATE = re.compile(r"\bhx\b|\bcx\b|hidden|lstm|gru|rnn", re.IGNORECASE)
_EXPECTED = re.compile(r"[Ee]xpected hidden(?:\[\d\])? size \((\d+), (\d+), (\d+)\)")


def states(situation: Situation) -> Iterator[Guesses]:
    """`Expected hidden size (2, 16, 64)`: as the recurrent layer wants it, two of them for an LSTM; or none."""
    layer = next((m for m in nn.Module.modules(situation.module) if isinstance(m, (nn.RNNBase, nn.RNNCellBase))), None)
    if layer is None or _ABOUT_STATE.search(situation.error_text) is None:
        return
    state = Guess(_size_of_state(layer, situation.error_text))
    is_pair = isinstance(layer, (nn.LSTM, nn.LSTMCell))
    for name in dict.fromkeys(key.partition(".")[0] for key in situation.guesses):
        if _STATE.match(name):
            others = {key: guess for key, guess in situation.guesses.items() if key.partition(".")[0] != name}
            yield {**others, **({f"{name}.0": state, f"{name}.1": state} if is_pair else {name: state})}
            yield {**others, name: Guess((), kind="nothing")}


def _size_of_state(layer: nn.RNNBase | nn.RNNCellBase, error_text: str) -> tuple[int, ...]:
    expected = _EXPECTED.search(error_text)
    if expected is not None:
        return tuple(map(int, expected.groups()))
    if isinstance(layer, nn.RNNCellBase):
        return (BATCH, layer.hidden_size)
    return (layer.num_layers * (2 if layer.bidirectional else 1), BATCH, layer.proj_size or layer.hidden_size)


_MASK_SIZE = re.compile(r"should be (?:torch\.Size\()?[(\[](\d+(?:, \d+)+)[)\]]")


def masks(situation: Situation) -> Iterator[Guesses]:
    """`only bool and floating types of src_mask are supported`: no mask, or one that lets everything pass."""
    names = [name for name in situation.guesses if "mask" in name.lower()]
    if not names or not ("mask" in situation.error_text.lower() or set(names) & set(situation.inputs_named)):
        return
    yield {**situation.guesses, **{name: Guess((), kind="nothing") for name in names}}
    wanted = _MASK_SIZE.search(situation.error_text)
    shapes = [tuple(map(int, wanted[1].split(", ")))] if wanted is not None else [(BATCH, STEPS), (STEPS, STEPS)]
    for shape in shapes:
        for name in names:
            yield {**situation.guesses, name: Guess(shape, torch.bool)}
