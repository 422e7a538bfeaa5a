"""The letters of the axes of an input."""

from __future__ import annotations

from collections.abc import Sequence


def axis_letters(fixed: Sequence[bool]) -> Sequence[str]:
    """Letters for the axes of one input; the channel axis is the one whose size the model fixes."""
    match len(fixed):
        case 0 | 1 | 2:
            return "NL" if fixed[1:] == [False] else "NC"[: len(fixed)]
        case 3 if fixed[0] and not fixed[2]:
            return "CHW"
        case 3:
            return "NCL" if fixed[1] and not fixed[2] else "NLC"
        case 4:
            return "NHWC" if fixed[3] and not fixed[1] else "NCHW"
        case 5:
            return "NTCHW" if fixed[2] and not fixed[1] else "NCTHW"
        case rank:
            return ["N", *(f"D{axis}" for axis in range(1, rank))]
