"""Proposes inputs to try after a failure: an ordered table of functions from a situation to guesses."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from ..tracer.proof import DEPENDS_ON_VALUES
from .better_inputs import placeholder_behind, refined
from .guess import BATCH, STEPS, Guess, Guesses
from .guess_inputs import of_rank
from .named_inputs import field_named
from .situation import Situation, is_lazy
from .states_and_masks import masks, states

Proposer = Callable[[Situation], Iterator[Guesses]]


def proposals(situation: Situation) -> Iterator[Guesses]:
    """Guesses that may be better than those of a situation, likeliest first."""
    for propose in _AFTER_ALL if situation.trace.complete else (*_AFTER_ALL, *_AFTER_STOP):
        yield from propose(situation)


def _by_graph(situation: Situation) -> Iterator[Guesses]:
    """Based on the graph: the input of a failing layer gets the channels that the layer expects."""
    better = refined(situation.guesses, situation.trace, situation.size)
    if better is not None:
        yield better


def _lazy_widths(situation: Situation) -> Iterator[Guesses]:
    """`x + self.conv(x)` with a lazy convolution to 64 channels: an input of 64 channels."""
    faults = situation.trace.all_faults
    operands = list(faults[0].node.activations) if faults and faults[0].kind == "addition" else []
    if len(operands) != 2 or not is_lazy(situation.module):
        return
    for operand, other in (operands, operands[::-1]):
        source = placeholder_behind(operand)
        if source is not None and source.target in situation.guesses and other.shape is not None:
            yield _with(situation, source.target, shape=other.shape)


_WHOLE = re.compile(
    r"scalar types: Long|must be long|index tensor of type Long|int64 for index|to be Long|expected Long"
    r"|but got (torch\.)?[Ff]loat(Tensor)? instead|type Long but found Float|LongTensor"
)
_FRACTIONS = re.compile(
    r"but got Long|but found Long|for 'Long'|got (torch\.)?Long|Float but found|only .*floating|mixed dtype"
)
_TRUTH = re.compile(r"boolean mask|to be Bool|only supports bool")


def _types(situation: Situation) -> Iterator[Guesses]:
    """`indices must be long`: integers, first for the inputs near the error; or the reverse."""
    for pattern, dtype in ((_WHOLE, torch.int64), (_TRUTH, torch.bool), (_FRACTIONS, torch.float32)):
        if pattern.search(situation.error_text):
            for name in _nearest(situation):
                yield _with(situation, name, dtype=dtype)
            if dtype is torch.int64:
                for name in _nearest(situation):
                    yield _with(situation, name, dtype=dtype, shape=(BATCH, STEPS))


def _steps_of_features(situation: Situation) -> Iterator[Guesses]:
    """`shape '[2, 768, 12, 64]' is invalid`: a sequence of features, where a linear layer takes them alone as well."""
    for name, guess in situation.guesses.items():
        if len(guess.shape) == 2 and guess.dtype.is_floating_point and guess.kind == "tensor":
            yield from _of_rank(situation, name, 3)


def _one_id_a_row(situation: Situation) -> Iterator[Guesses]:
    """`mat1 and mat2 shapes cannot be multiplied (64x32 and 64x64)`: one id a sample, and no sequence of ids."""
    ids = [name for name, guess in situation.guesses.items() if guess.shape == (BATCH, STEPS) and _is_whole(guess)]
    for names in [[name] for name in ids] + ([ids] if len(ids) > 1 else []):
        yield {**situation.guesses, **{name: Guess((BATCH,), torch.int64) for name in names}}


def _is_whole(guess: Guess) -> bool:
    return guess.dtype == torch.int64 and guess.kind == "tensor"


_RANK = re.compile(
    r"expected (\d)D|must be (?:a )?(\d)-?D|expected (\d)-?D|(\d)-?D (?:tensor )?expected", re.IGNORECASE
)
_UNPACKED = re.compile(r"values to unpack \(expected (\d)")
_BETWEEN = re.compile(r"Expected (\d)D \(unbatched\) or (\d)D")
_OTHER_RANK = re.compile(
    r"too many indices|[Dd]imension out of range|values to unpack|number of dimensions|same number of dim"
    r"|[Ww]rong shape|unbatched|\dD|\dd tensor|number of sizes provided|[Oo]nly \dD|dimension specified|out of range"
    r"|must be a matrix|einsum|number of dims|number of axis|must have .* dimensions|batch mode"
)


def _ranks(situation: Situation) -> Iterator[Guesses]:
    """`too many values to unpack (expected 3)`: another rank, first that in the message."""
    text = situation.error_text
    if not (_OTHER_RANK.search(text) or text.startswith("AssertionError")):
        return
    asked = [int(number) for pattern in (_BETWEEN, _RANK, _UNPACKED) for number in _digits(pattern, text)]
    for name in _nearest(situation):
        guess = situation.guesses[name]
        now = len(guess.shape)
        for rank in dict.fromkeys([*reversed(asked), now + 1, now - 1, 3, 4, 2, 5]):
            if 1 <= rank <= 5 and rank != now and guess.kind == "tensor":
                yield from _of_rank(situation, name, rank)


def _of_rank(situation: Situation, name: str, rank: int) -> Iterator[Guesses]:
    """An input of another rank, with its channels second, or its features last."""
    guess = situation.guesses[name]
    if rank == 1:
        yield _with(situation, name, shape=(BATCH,))
        return
    width = of_rank(guess, 2, situation.size).shape[-1]
    for shape in dict.fromkeys(
        [of_rank(guess, rank, situation.size).shape, (BATCH, *([STEPS] * (rank - 2)), width)[-rank:]]
    ):
        yield _with(situation, name, shape=shape)


_LACKS = re.compile(
    r"NoneType|no .* (?:provided|given)|must be (?:provided|given|specified)|require|needs? |not None|is None"
)


def _left_out(situation: Situation) -> Iterator[Guesses]:
    """`'NoneType' object has no attribute 'shape'`: pass inputs with a default too."""
    if not (_LACKS.search(situation.error_text) or situation.error_text.startswith("AssertionError")):
        return
    image = next((guess for guess in situation.guesses.values() if guess.kind == "tensor"), Guess((BATCH, STEPS)))
    optional = [
        parameter.name
        for parameter in inspect.signature(situation.module.forward).parameters.values()
        if parameter.default is None and parameter.name not in situation.guesses
    ]
    for name in optional:
        yield {**situation.guesses, name: image}
    if len(optional) > 1:
        yield {**situation.guesses, **dict.fromkeys(optional, image)}


_KINDS: Sequence[tuple[str, str]] = (
    (r"'Tensor' object is not callable", "module"),
    (r"found element of type Tensor|interpreted as an integer|single element|must be .*int.* not Tensor", "number"),
    (rf"meta tensors|Meta tensors|on meta|{re.escape(DEPENDS_ON_VALUES)}", "number"),
    (r"ambiguous", "nothing"),
)


def _kinds(situation: Situation) -> Iterator[Guesses]:
    """`'Tensor' object is not callable`: a module instead of a tensor; or a number for a size."""
    for pattern, kind in _KINDS:
        if re.search(pattern, situation.error_text):
            for name in situation.inputs_named[:3]:
                guess = situation.guesses[name]
                yield {**situation.guesses, name: Guess((guess.shape or (STEPS,))[-1:], guess.dtype, kind)}  # type: ignore[arg-type]


_TOO_SMALL = re.compile(
    r"too small|[Kk]ernel size can't be greater|[Pp]adding size should be less|must be non-zero"
    r"|index k out of range"
)


def _larger(situation: Situation) -> Iterator[Guesses]:
    """`Kernel size can't be greater than actual input size`: maps and sequences of twice the size."""
    if _TOO_SMALL.search(situation.error_text):
        doubled = {
            name: replace(guess, shape=(*guess.shape[:2], *(2 * size for size in guess.shape[2:])))
            for name, guess in situation.guesses.items()
        }
        yield doubled


_NO_ATTRIBUTE = re.compile(r"'Tensor' object has no attribute '(\w+)'|^AttributeError: (\w+)$|^KeyError: '(\w+)'")


def _fields(situation: Situation) -> Iterator[Guesses]:
    """`'Tensor' object has no attribute 'edge_index'`: an object with all the attributes that the forward reads."""
    match = _NO_ATTRIBUTE.search(situation.error_text)
    wanted = next(filter(None, match.groups()), None) if match is not None else None
    if wanted is None:
        return
    records = {name.partition(".")[0]: guess for name, guess in situation.guesses.items()}
    for name, guess in records.items():
        parts = {key: guess for key, guess in situation.guesses.items() if key.startswith(f"{name}.")}
        others = {key: guess for key, guess in situation.guesses.items() if key != name}
        yield {**others, **parts, f"{name}.{wanted}": field_named(wanted, guess)}


def _several(situation: Situation) -> Iterator[Guesses]:
    """`not enough values to unpack (expected 2, got 1)`: several tensors instead of one."""
    match = _UNPACKED.search(situation.error_text)
    if match is None:
        return
    for name in situation.inputs_named[:2]:
        others = {key: guess for key, guess in situation.guesses.items() if key != name}
        parts = {f"{name}.{index}": situation.guesses[name] for index in range(int(match[1]))}
        yield {**others, **parts}


def _nearest(situation: Situation) -> list[str]:
    """The inputs, first those whose names occur near the error."""
    return list(dict.fromkeys([*situation.inputs_named, *situation.guesses]))


def _with(situation: Situation, name: str, **change: object) -> Guesses:
    return {**situation.guesses, name: replace(situation.guesses[name], **change)}  # type: ignore[arg-type]


def _digits(pattern: re.Pattern[str], text: str) -> list[str]:
    return [number for match in pattern.finditer(text) for number in match.groups() if number]


# For a forward pass that went on after its faults, and for one that raised.
_AFTER_ALL: Sequence[Proposer] = (_by_graph, _lazy_widths, _types, _steps_of_features, _one_id_a_row)
_AFTER_STOP: Sequence[Proposer] = (states, masks, _larger, _kinds, _fields, _left_out, _several, _ranks)
