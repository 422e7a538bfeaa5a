"""Explains torch's shape errors: one entry per message, for old and new versions, CPU and CUDA."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import advice

Advise = Callable[[advice.Groups, str], str] | str


@dataclass(frozen=True)
class Wording:
    """A pattern for an error message and its explanation, a format string with the groups of the pattern.

    `advise` says what to change, if necessary given the groups and the failing statement.
    """

    pattern: re.Pattern[str]
    meaning: str
    advise: Advise


@dataclass(frozen=True)
class Explanation:
    """The explanation of an error message that starts at a position of the text."""

    start: int
    meaning: str
    wording: Wording
    groups: advice.Groups

    def advice(self, statement: str) -> str:
        """What to change, given the failing statement, which may be empty."""
        advise = self.wording.advise
        return advise if isinstance(advise, str) else advise(self.groups, statement)


def _wording(pattern: str, meaning: str, advise: Advise) -> Wording:
    return Wording(re.compile(pattern), meaning, advise)


_N, _SHAPE = r"\d+", r"\[[\d, ]*\]"

_SIZE = rf"(?:torch\.Size\()?{_SHAPE}\)?"

WORDINGS: Sequence[Wording] = (
    _wording(
        rf"The size of tensor a \((?P<a>{_N})\) must match the size of tensor b \((?P<b>{_N})\) "
        rf"at non-singleton dimension (?P<axis>{_N})",
        "an addition, or another elementwise operation, of tensors whose sizes at dimension {axis} are {a} and {b}",
        advice.of_elementwise,
    ),
    _wording(
        rf"output with shape (?P<a>{_SHAPE}) doesn't match the broadcast shape (?P<b>{_SHAPE})",
        "an in-place operation, such as `+=`, on a tensor of shape {a} whose result has shape {b}",
        advice.IN_PLACE,
    ),
    _wording(
        rf"Attempting to broadcast a dimension of length (?P<a>{_N}) at (?P<axis>-{_N})! Mismatching argument at index "
        rf"(?P<index>{_N}) had (?P<b>{_SIZE})",
        "an elementwise operation whose operand {index} of shape {b} does not fit at dimension {axis}, of size {a} "
        "(reported by torch.compile, export or the meta device)",
        lambda groups, statement: "run it once without torch.compile; the message then names both sizes",
    ),
    _wording(
        rf"expected input(?P<shape>{_SHAPE}) to have (?P<wants>{_N}) channels, but got (?P<got>{_N}) channels",
        "a convolution expects {wants} input channels but gets {got}: its input has shape {shape}",
        advice.of_convolution,
    ),
    _wording(
        rf"shapes cannot be multiplied \((?P<a>{_N})x(?P<got>{_N}) and (?P<wants>{_N})x(?P<out>{_N})\)",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
        advice.of_linear,
    ),
    _wording(
        rf"size mismatch, m1: \[(?P<a>{_N}) x (?P<got>{_N})\], m2: \[(?P<wants>{_N}) x (?P<out>{_N})\]",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
        advice.of_linear,
    ),
    _wording(
        rf"must have same reduction dim, but got \[(?P<a>{_N}), (?P<got>{_N})\] X \[(?P<wants>{_N}), (?P<out>{_N})\]",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
        advice.of_linear,
    ),
    _wording(
        rf"Sizes of tensors must match except in dimension (?P<axis>{_N})\. Got (?P<a>{_N}) and (?P<b>{_N}) "
        r"\(The offending index is \d+\)",  # torch 1.7 to 1.9 name the dimension that differs
        "a concatenation of tensors that differ in dimension {axis}: {a} and {b}",
        advice.of_concatenation,
    ),
    _wording(
        rf"Sizes of tensors must match except in dimension (?P<axis>{_N})\. "
        rf"(?:Expected size (?P<a>{_N}) but got size|Got (?P<c>{_N}) and) (?P<b>{_N})(?! \(The)",
        "a concatenation along dimension {axis} of tensors that differ in another dimension: {a}{c} and {b}",
        advice.of_concatenation,
    ),
    _wording(
        rf"Tensors must have same number of dimensions: got (?P<a>{_N}) and (?P<b>{_N})",
        "a concatenation of tensors with {a} and {b} dimensions",
        advice.RANKS,
    ),
    _wording(
        rf"stack expects each tensor to be equal size, but got (?P<a>{_SHAPE}) at entry \d+ and (?P<b>{_SHAPE})",
        "a stack of tensors of shapes {a} and {b}; a DataLoader stacks the samples of a batch",
        lambda groups, statement: "resize or pad the samples to one shape, or pass a collate_fn to the DataLoader",
    ),
    _wording(
        rf"running_mean should contain (?P<got>{_N}) elements not (?P<wants>{_N})",
        "a batch normalization expects {wants} channels but gets {got}",
        advice.of_batch_norm,
    ),
    _wording(
        rf"Given normalized_shape=(?P<wants>{_SHAPE}), expected input with shape .*?"
        rf"got input of size ?(?P<got>{_SHAPE})",
        "a layer normalization over {wants} gets a tensor of shape {got}",
        advice.of_layer_norm,
    ),
    _wording(
        r"Calculated padded input size per channel: \((?P<got>[\dx ]+)\)\. Kernel size: \((?P<wants>[\dx ]+)\)",
        "the padded input {got} is smaller than the kernel {wants}",
        advice.SMALL_INPUT,
    ),
    _wording(
        r"Given input size: \((?P<got>[\dx]+)\)\. Calculated output size: \((?P<out>[-\dx]+)\)",
        "the input of a pooling layer is too small: {got} would become {out}",
        advice.SMALL_INPUT,
    ),
    _wording(
        rf"shape '(?P<wants>\[[-\d, ]*\])' is invalid for input of size (?P<got>{_N})",
        "a view or reshape of a tensor with {got} elements to {wants}",
        advice.VIEW,
    ),
    _wording(
        rf"Expected (?P<wants>.{{1,40}}?) input to (?P<layer>conv\w+), but got input of size: (?P<got>{_SHAPE})",
        "a {layer} expects a {wants} tensor but gets one of shape {got}",
        advice.MISSING_BATCH,
    ),
    _wording(
        rf"Expected {_N}-dimensional input for (?P<wants>{_N})-dimensional weight {_SHAPE}, but got "
        rf"{_N}-dimensional input of size (?P<got>{_SHAPE})",
        "a convolution expects a tensor with {wants} dimensions but gets one of shape {got}",
        advice.MISSING_BATCH,
    ),
    _wording(
        rf"input\.size\(-1\) must be equal to input_size\. Expected (?P<wants>{_N}), got (?P<got>{_N})",
        "a recurrent layer expects {wants} features but gets {got}",
        lambda groups, statement: f"set input_size={groups['got']} on this layer, or change the width before it",
    ),
    _wording(
        rf"was expecting embedding dimension of (?P<wants>{_N}), but got (?P<got>{_N})",
        "an attention layer expects {wants} features but gets {got}",
        lambda groups, statement: f"set embed_dim={groups['got']} on this layer, or change the width before it",
    ),
    _wording(
        rf"Expected input batch_size \((?P<a>{_N})\) to match target batch_size \((?P<b>{_N})\)",
        "a loss gets {a} predictions for {b} labels",
        lambda groups, statement: "keep the batch dimension when flattening: x.flatten(1), not x.view(-1, features)",
    ),
    _wording(
        rf"The expanded size of the tensor \((?P<a>{_N})\) must match the existing size \((?P<b>{_N})\)",
        "a dimension of size {b} is expanded to {a}",
        lambda groups, statement: "only dimensions of size 1 can be expanded: add one by unsqueeze, or use repeat",
    ),
    _wording(
        r"Expected more than 1 value per channel when training, got input size (?:torch\.Size\()?(?P<got>\[[\d, ]*\])",
        "a batch normalization in training mode gets one value per channel: {got}; use a larger batch",
        lambda groups, statement: "pass drop_last=True to the DataLoader, or call model.eval() for a single sample",
    ),
    _wording(
        rf"size mismatch for (?P<key>[\w.]+): copying a param with shape (?P<a>{_SIZE}) from checkpoint, "
        rf"the shape in current model is (?P<b>{_SIZE})",
        "{key} has shape {a} in the checkpoint, but {b} in the model",
        advice.CHECKPOINT,
    ),
    _wording(
        r"one of the variables needed for gradient computation has been modified by an inplace operation",
        "a tensor that the backward pass needs was modified in place",
        advice.BACKWARD,
    ),
    _wording(
        r"(?P<status>CUBLAS_STATUS_INVALID_VALUE|CUDNN_STATUS_BAD_PARAM|CUDNN_STATUS_NOT_SUPPORTED)",
        "CUDA rejects a call ({status}), often because of the shapes of a matrix product or convolution",
        advice.CUDA,
    ),
)


def explain_last(text: str) -> Explanation | None:
    """Explain the last shape error in a text; None if there is no known one."""
    found = [
        Explanation(match.start(), wording.meaning.format(**groups), wording, groups)
        for wording in WORDINGS
        for match in wording.pattern.finditer(text)
        for groups in [{name: value or "" for name, value in match.groupdict().items()}]
    ]
    return max(found, key=lambda explanation: explanation.start, default=None)
