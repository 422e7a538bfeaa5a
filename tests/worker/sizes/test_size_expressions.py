"""Sizes as expressions: a normal form that is equal for equal functions, and its text."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from torch.utils._sympy.functions import FloorDiv

from resnet_lint.worker.sizes.input_size import InputSize
from resnet_lint.worker.sizes.input_size import Step as InputStep
from resnet_lint.worker.sizes.print_sizes import size_text
from resnet_lint.worker.sizes.size_expressions import normal_form, size_symbol, stepped

H = size_symbol("H")

Step = tuple[int, int, int]


def after(*steps: Step) -> Any:
    """The size after steps of `(factor * size + shift) // divisor`."""
    size = H
    for factor, shift, divisor in steps:
        size = stepped(size, factor, shift, divisor)
    return size


def made(*steps: Step) -> InputSize:
    """The same size without sympy."""
    size = InputSize("H")
    for step in steps:
        size = size.then(InputStep(*step))
    return size


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([(1, 1, 2), (1, 1, 2)], "ceil(H/4)"),
        ([(1, 0, 2), (1, 0, 2)], "H//4"),
        ([(1, -1, 2)], "(H - 1)//2"),
        ([(1, 2, 2)], "H//2 + 1"),
        ([(2, 1, 4)], "H//2"),
        ([(2, 0, 1), (1, 0, 2)], "H"),
        ([(1, 0, 4), (4, 0, 1)], "4*(H//4)"),
        ([(1, -7, 3), (4, 1, 1)], "4*ceil(H/3) - 11"),
        ([(3, 2, 6)], "H//2"),
    ],
)
def test_steps_are_joined_in_normal_form(steps: list[Step], text: str) -> None:
    assert size_text(after(*steps)) == made(*steps).text == text


def test_constants_of_equal_sizes_are_in_one_place() -> None:
    assert after((1, -7, 3), (4, 1, 1)) == after((1, -4, 3), (4, -3, 1))
    assert made((1, -7, 3), (4, 1, 1)) == made((1, -4, 3), (4, -3, 1))
    assert made((1, 0, 2), (2, 0, 1), (1, 0, 4)) == made((1, 0, 4))


@pytest.mark.parametrize("seed", range(5))
def test_the_normal_form_and_its_text_compute_what_the_steps_do(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        steps = [(chance.choice((1, 1, 2, 3)), chance.randrange(-4, 5), chance.choice((1, 2, 2, 3))) for _ in range(4)]
        size = after(*steps)
        assert normal_form(size) == size
        joined = made(*steps)
        assert joined.text == size_text(size)
        function = eval(f"lambda H: {size_text(size)}", {"ceil": math.ceil})
        for number in range(1, 50):
            expected = number
            for factor, shift, divisor in steps:
                expected = (factor * expected + shift) // divisor
            assert function(number) == joined.at(number) == expected


def test_a_division_of_torch_comes_to_the_same_form() -> None:
    sizes = [FloorDiv(H - 1, 2) + 1, FloorDiv(H + 1, 2), FloorDiv(2 * H + 2, 4)]
    assert all(normal_form(one) == normal_form(other) for one, other in pairwise(sizes))


def test_what_is_made_larger_on_the_way() -> None:
    assert made((1, 0, 2), (2, 0, 1)).enlarges
    assert not made((1, 4, 2)).enlarges
    assert not made((2, 0, 1), (1, 0, 2)).enlarges
