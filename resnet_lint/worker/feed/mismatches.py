"""Extracts the two numbers from an error message that should be equal: the actual and the expected one.

An ordered table of patterns for the messages of torch, einops and Python; the first match counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mismatch:
    """`got` should be `wanted`; `kind` identifies the pattern, to compare two errors."""

    kind: str
    got: int
    wanted: int

    @property
    def difference(self) -> int:
        return self.got - self.wanted


Reader = Callable[[re.Match[str]], tuple[int, int] | None]


def mismatch_in(text: str) -> Mismatch | None:
    """The first mismatch in an error message; None if there is none."""
    for pattern, read in _TABLE:
        match = re.search(pattern, text)
        numbers = read(match) if match is not None else None
        if numbers is not None and numbers[0] != numbers[1]:
            return Mismatch(pattern, *numbers)
    return None


def _both(match: re.Match[str]) -> tuple[int, int]:
    """`mat1 and mat2 shapes cannot be multiplied (2x3136 and 400x120)`: 3136 should be 400."""
    return int(match["got"]), int(match["wanted"])


def _first_unlike(match: re.Match[str]) -> tuple[int, int] | None:
    """`to be: [2, 32] but got: [2, 16]`: 16 should be 32."""
    pairs = zip(_numbers(match["gots"]), _numbers(match["wanteds"]), strict=False)
    return next((pair for pair in pairs if pair[0] != pair[1]), None)


def _last_unlike(match: re.Match[str]) -> tuple[int, int] | None:
    """`shape [*, 64], but got input of size[2, 7, 16]`: 16 should be 64."""
    pairs = zip(_numbers(match["gots"])[::-1], _numbers(match["wanteds"])[::-1], strict=False)
    return next((pair for pair in pairs if pair[0] != pair[1]), None)


def _elements(match: re.Match[str]) -> tuple[int, int]:
    """`shape '[2, 1, 4]' is invalid for input of size 24`: 24 should be 8; with a -1 in it, a multiple of the rest."""
    sizes, got = _numbers(match["wanteds"]), int(match["got"])
    known = math.prod(size for size in sizes if size > 0)
    return got, known if -1 not in sizes else known * max(1, round(got / max(known, 1)))


def _sum(match: re.Match[str]) -> tuple[int, int]:
    """`split_sizes to sum exactly to 24 (...), but got split_sizes=[8, 8]`: 24 should be 16."""
    return int(match["got"]), sum(_numbers(match["wanteds"]))


def _multiple(match: re.Match[str]) -> tuple[int, int]:
    """`can't divide axis of length 7 in chunks of 4`: 7 should be 8."""
    got, part = int(match["got"]), max(int(match["part"]), 1)
    return got, part * max(1, round(got / part))


def _below(match: re.Match[str]) -> tuple[int, int]:
    """`index 5 is out of bounds for dimension 0 with size 3`: 3 should be 6."""
    return int(match["got"]), int(match["index"]) + 1


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


_TABLE: Sequence[tuple[str, Reader]] = (
    (r"\(\d+x(?P<got>\d+) and (?P<wanted>\d+)x\d+\)", _both),
    (r"to have (?P<wanted>\d+) (?:channels|features), but got (?P<got>\d+)", _both),
    (r"size of tensor a \((?P<got>\d+)\) must match the size of tensor b \((?P<wanted>\d+)\)", _both),
    (r"expanded size of the tensor \((?P<wanted>\d+)\) must match the existing size \((?P<got>\d+)\)", _both),
    (r"Expected size (?P<wanted>\d+) but got size (?P<got>\d+)", _both),
    (r"to be: \[(?P<wanteds>[^]]*)\] but got: \[(?P<gots>[^]]*)\]", _first_unlike),
    (r"expected input with shape \[(?P<wanteds>[^]]*)\], but got input of size\s*\[(?P<gots>[^]]*)\]", _last_unlike),
    (r"input\.size\(-1\) must be equal to input_size\. Expected (?P<wanted>\d+), got (?P<got>\d+)", _both),
    (r"input has inconsistent input_size: got (?P<got>\d+) expected (?P<wanted>\d+)", _both),
    (r"expecting embedding dimension of (?P<wanted>\d+), but got (?P<got>\d+)", _both),
    (r"(?:running_mean|weight|bias) should contain (?P<got>\d+) elements not (?P<wanted>\d+)", _both),
    (r"shape '\[(?P<wanteds>[^]]*)\]' is invalid for input of size (?P<got>\d+)", _elements),
    (r"sum exactly to (?P<got>\d+) .*split_sizes=\[(?P<wanteds>[^]]*)\]", _sum),
    (r"subscript \w has size (?P<got>\d+) .* previously seen size (?P<wanted>\d+)", _both),
    (r"[Ss]hape mismatch,? (?P<got>\d+) != (?P<wanted>\d+)", _both),
    (r"divide axis of length (?P<got>\d+) in chunks of (?P<part>\d+)", _multiple),
    (r"divisible by num_groups.*\[\d+, (?P<got>\d+).*num_groups=(?P<part>\d+)", _multiple),
    (r"=(?P<got>\d+) is not divisible by (?P<part>\d+)", _multiple),
    (r"index (?P<index>\d+) is out of bounds for dimension \d+ with size (?P<got>\d+)", _below),
    (r"start \(\d+\) \+ length \((?P<wanted>\d+)\) exceeds dimension size \((?P<got>\d+)\)", _both),
    (r"inconsistent tensor size, expected tensor \[(?P<wanteds>\d+)\] and src \[(?P<gots>\d+)\]", _first_unlike),
    (r"batch_size \((?P<got>\d+)\) to match target batch_size \((?P<wanted>\d+)\)", _both),
    (r"to match num_features \((?P<wanted>\d+)\), but got: (?P<got>\d+)", _both),
    (r"weight of shape \[(?P<wanted>\d+)\] and input of shape \[\d+, (?P<got>\d+)", _both),
    (r"mat \(\d+x(?P<got>\d+)\), vec \((?P<wanted>\d+)\)", _both),
    (r"parameter numbers = (?P<wanted>\d+) and channel size = (?P<got>\d+)", _both),
    (r"Expected hidden(?:\[\d\])? size \((?P<wanteds>[^)]*)\), got \[(?P<gots>[^]]*)\]", _first_unlike),
    (r"input with sizes \[(?P<gots>[^]]*)\] and grid with sizes \[(?P<wanteds>[^]]*)\]", _first_unlike),
    (r"got \[(?P<wanteds>[^]]*)\] at entry 0 and \[(?P<gots>[^]]*)\] at entry", _first_unlike),
    (r"got (?P<got>\d+) but expected (?P<wanted>\d+)(?!D)\b", _both),
    (r"[Ee]xpected (?:\w+ ){0,4}(?P<wanted>\d+)(?!D)\b\D{1,30}got (?:\w+ ){0,3}(?P<got>\d+)(?!D)\b", _both),
)
