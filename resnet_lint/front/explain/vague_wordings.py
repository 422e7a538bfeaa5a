"""Messages that name no sizes. They count if there is no other in the text."""

from __future__ import annotations

from collections.abc import Sequence

from . import advice
from .wording import Wording, wording

VAGUE: Sequence[Wording] = (
    wording(
        r"mat1 dim 1 must match mat2 dim 0",
        "a linear layer or matrix product gets another number of features than it expects (torch 1.8 on CUDA)",
        advice.CUDA,
    ),
    wording(
        r"inconsistent tensor size at ",
        "an addition, or another elementwise operation, of tensors of different shapes (torch before 0.4)",
        advice.OLD,
    ),
    wording(
        r"(?P<status>CUBLAS_STATUS_INVALID_VALUE|CUDNN_STATUS_BAD_PARAM|CUDNN_STATUS_NOT_SUPPORTED)",
        "CUDA rejects a call ({status}), often because of the shapes of a matrix product or convolution",
        advice.CUDA,
    ),
    wording(
        r"device-side assert triggered",
        "a CUDA kernel gets an index that is out of range, such as a label or a token",
        advice.DEVICE_ASSERT,
    ),
)
