"""What messages of torch are about."""

from __future__ import annotations

import pytest

from resnet_lint.shared.error_text import is_about_dtypes


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("Input type (long int) and bias type (float) should be the same", True),
        ("Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same", False),
        ("mat1 and mat2 must have the same dtype, but got Double and Float", True),
        (
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got",
            True,
        ),
        ("expected scalar type Long but found Float", True),
        ("mixed dtype (CPU): all inputs must share same datatype.", True),
        ("shape '[-1, 7]' is invalid for input of size 1024", False),
        ("mat1 and mat2 shapes cannot be multiplied (4x3 and 8x2)", False),
        ("invalid type of argument", False),
    ],
)
def test_dtypes(message: str, is_one: bool) -> None:
    assert is_about_dtypes(message) is is_one
