"""Explains torch's shape errors: one entry per message, for old and new versions, CPU and CUDA."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """A pattern for an error message and its explanation, a format string with the groups of the pattern."""

    pattern: re.Pattern[str]
    meaning: str


def _wording(pattern: str, meaning: str) -> Wording:
    return Wording(re.compile(pattern), meaning)


_N, _SHAPE = r"\d+", r"\[[\d, ]*\]"

WORDINGS: Sequence[Wording] = (
    _wording(
        rf"The size of tensor a \((?P<a>{_N})\) must match the size of tensor b \((?P<b>{_N})\) "
        rf"at non-singleton dimension (?P<axis>{_N})",
        "an addition, or another elementwise operation, of tensors whose sizes at dimension {axis} are {a} and {b}",
    ),
    _wording(
        rf"output with shape (?P<a>{_SHAPE}) doesn't match the broadcast shape (?P<b>{_SHAPE})",
        "an in-place operation, such as `+=`, on a tensor of shape {a} whose result has shape {b}",
    ),
    _wording(
        rf"expected input(?P<shape>{_SHAPE}) to have (?P<wants>{_N}) channels, but got (?P<got>{_N}) channels",
        "a convolution expects {wants} input channels but gets {got}: its input has shape {shape}",
    ),
    _wording(
        rf"mat1 and mat2 shapes cannot be multiplied \((?P<a>{_N})x(?P<got>{_N}) and (?P<wants>{_N})x(?P<out>{_N})\)",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
    ),
    _wording(
        rf"size mismatch, m1: \[(?P<a>{_N}) x (?P<got>{_N})\], m2: \[(?P<wants>{_N}) x (?P<out>{_N})\]",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
    ),
    _wording(
        rf"Sizes of tensors must match except in dimension (?P<axis>{_N})\. "
        rf"(?:Expected size (?P<a>{_N}) but got size|Got (?P<c>{_N}) and) (?P<b>{_N})",
        "a concatenation along dimension {axis} of tensors that differ in another dimension: {a}{c} and {b}",
    ),
    _wording(
        rf"Tensors must have same number of dimensions: got (?P<a>{_N}) and (?P<b>{_N})",
        "a concatenation of tensors with {a} and {b} dimensions",
    ),
    _wording(
        rf"running_mean should contain (?P<got>{_N}) elements not (?P<wants>{_N})",
        "a batch normalisation expects {wants} channels but gets {got}",
    ),
    _wording(
        rf"Given normalized_shape=(?P<wants>{_SHAPE}), expected input with shape .*?"
        rf"got input of size ?(?P<got>{_SHAPE})",
        "a layer normalisation over {wants} gets a tensor of shape {got}",
    ),
    _wording(
        r"Calculated padded input size per channel: \((?P<got>[\dx ]+)\)\. Kernel size: \((?P<wants>[\dx ]+)\)",
        "the padded input {got} is smaller than the kernel {wants}",
    ),
    _wording(
        r"Given input size: \((?P<got>[\dx]+)\)\. Calculated output size: \((?P<out>[\dx]+)\)",
        "the input of a pooling layer is too small: {got} would become {out}",
    ),
    _wording(
        rf"shape '(?P<wants>\[[-\d, ]*\])' is invalid for input of size (?P<got>{_N})",
        "a view or reshape to {wants} of a tensor with {got} values",
    ),
    _wording(
        rf"Expected (?P<wants>.{{1,40}}?) input to (?P<layer>conv\w+), but got input of size: (?P<got>{_SHAPE})",
        "a {layer} expects a {wants} tensor but gets one of shape {got}",
    ),
    _wording(
        rf"The expanded size of the tensor \((?P<a>{_N})\) must match the existing size \((?P<b>{_N})\)",
        "a dimension of size {b} is expanded to {a}",
    ),
    _wording(
        r"Expected more than 1 value per channel when training, got input size (?:torch\.Size\()?(?P<got>\[[\d, ]*\])",
        "a batch normalisation in training mode gets one value per channel: {got}; use a larger batch",
    ),
    _wording(
        r"one of the variables needed for gradient computation has been modified by an inplace operation",
        "a tensor that the backward pass needs was modified in place",
    ),
)


def meaning_of(text: str) -> str | None:
    """Explain the last shape error in a text; None if there is no known one."""
    found = [(match.start(), wording, match) for wording in WORDINGS for match in wording.pattern.finditer(text)]
    if not found:
        return None
    _, wording, match = max(found, key=lambda item: item[0])
    return wording.meaning.format(**{name: value or "" for name, value in match.groupdict().items()})
