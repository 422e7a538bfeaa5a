"""The messages of torch that are explained, of old and new versions, CPU, CUDA and MPS."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn, randn

from resnet_lint.front.explain.wordings import WORDINGS, explain_last

TEXTS = {
    "The size of tensor a (128) must match the size of tensor b (64) at non-singleton dimension 1": "are 128 and 64",
    "output with shape [2, 64, 1, 1] doesn't match the broadcast shape [2, 64, 8, 8]": "[2, 64, 1, 1] whose result",
    "Given groups=1, weight of size [64, 3, 7, 7], expected input[1, 7, 32, 32] to have 3 channels, "
    "but got 7 channels instead": "expects 3 input channels but gets 7",
    "mat1 and mat2 shapes cannot be multiplied (2x512 and 2048x10)": "expects 2048 input features but gets 512",
    "size mismatch, m1: [2 x 512], m2: [2048 x 10] at /pytorch/aten/src/TH/generic/THTensorMath.cpp:41": "gets 512",
    "Sizes of tensors must match except in dimension 1. Expected size 32 but got size 33 for tensor number 1 "
    "in the list.": "32 and 33",
    "Sizes of tensors must match except in dimension 1. Got 32 and 33 in dimension 2": "32 and 33",
    "Tensors must have same number of dimensions: got 4 and 3": "4 and 3 dimensions",
    "running_mean should contain 128 elements not 64": "expects 64 channels but gets 128",
    "Given normalized_shape=[64], expected input with shape [*, 64], but got input of size[2, 10, 32]": "[2, 10, 32]",
    "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size can't be greater "
    "than actual input size": "the padded input 2 x 2",
    "Given input size: (512x1x1). Calculated output size: (512x0x0). Output size is too small": "512x0x0",
    "shape '[2, 512]' is invalid for input of size 2048": "a tensor with 2048 elements to [2, 512]",
    "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [2, 3]": "shape [2, 3]",
    "The expanded size of the tensor (8) must match the existing size (4) at non-singleton dimension 1.": "is expanded",
    "Expected more than 1 value per channel when training, got input size torch.Size([1, 64, 1, 1])": "a larger batch",
    "Sizes of tensors must match except in dimension 2. Got 70 and 71 (The offending index is 0)": "in dimension 2: 70",
    "Attempting to broadcast a dimension of length 128 at -3! Mismatching argument at index 1 had torch.Size([2, 64, "
    "8, 8]); but expected shape should be broadcastable to [2, 128, 8, 8]": "operand 1 of shape torch.Size([2, 64, 8,",
    "a and b must have same reduction dim, but got [2, 512] X [2048, 10].": "expects 2048 input features but gets 512",
    "stack expects each tensor to be equal size, but got [3, 32, 32] at entry 0 and [1, 32, 32] at entry 1": "a stack",
    "Expected 4-dimensional input for 4-dimensional weight [64, 3, 7, 7], but got 3-dimensional input of size "
    "[3, 224, 224] instead": "4 dimensions but gets one of shape [3, 224, 224]",
    "input.size(-1) must be equal to input_size. Expected 10, got 5": "expects 10 features but gets 5",
    "was expecting embedding dimension of 512, but got 256": "expects 512 features but gets 256",
    "Expected input batch_size (16) to match target batch_size (64).": "16 predictions for 64 labels",
    "size mismatch for fc.weight: copying a param with shape torch.Size([1000, 512]) from checkpoint, the shape in "
    "current model is torch.Size([10, 512]).": "fc.weight has shape torch.Size([1000, 512]) in the checkpoint",
    "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemm(handle, opa, opb)`": "CUDA rejects a call",
    "CUDA error: device-side assert triggered": "an index that is out of range",
    "one of the variables needed for gradient computation has been modified by an inplace operation": "in place",
    "mat1 dim 1 must match mat2 dim 0": "another number of features",
    "size mismatch, got input (3), mat (3x4), vec (5)": "a matrix with 4 columns and a vector of 5 elements",
    "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5].": "5 rows, in place of 2",
    "'mps.matmul' op contracting dimensions differ 1024 & 768": "expects 768 input features but gets 1024",
    "input types 'tensor<2x64x8x8xf32>' and 'tensor<2x3x8x8xf32>' are not broadcast compatible": "2x64x8x8xf32 and 2x3",
    "einsum(): subscript i has size 64 for operand 1 which does not broadcast with previously seen size 500": (
        "axis i of"
    ),
    "einsum(): operands do not broadcast with remapped shapes [original->remapped]: [6, 53]->[6, 53] "
    "[6, 52]->[6, 52]": ("different sizes at an axis: [6, 53]"),
    "einsum(): the number of subscripts in the equation (3) does not match the number of dimensions (4) for operand 0 "
    "and no ellipsis was given": "3 letters for operand 0, whose number of dimensions is 4",
    "inconsistent tensor size, expected tensor [64 x 3] and src [1776] to have the same number of "
    "elements, but got 192 "
    "and 1776 elements respectively at /pytorch/torch/lib/TH/generic/THTensorCopy.c:86": "shapes [64 x 3] and [1776]",
    "inconsistent tensor size at /b/wheel/pytorch-src/torch/lib/TH/generic/THTensorMath.c:831": "torch before 0.4",
    "zero-dimensional tensor (at position 0) cannot be concatenated": "without dimensions",
    "view size is not compatible with input tensor's size and stride (at least one dimension spans": "not contiguous",
    "unflatten: Provided sizes [4, 2] don't multiply up to the size of dim 1 (6) in the input tensor": "into [4, 2]",
    "split_with_sizes expects split_sizes to sum exactly to 64 (input tensor's size at dimension 1), but got "
    "split_sizes=[32, 16]": "dimension 1 of size 64 is split into [32, 16]",
    "shape mismatch: value tensor of shape [300, 128] cannot be broadcast to indexing result of shape [360, 128]": (
        "values of shape [300, 128] are assigned to an index of shape [360, 128]"
    ),
    "The shape of the mask [3] at index 0 does not match the shape of the indexed tensor [4, 5] at index 0": "mask of",
    "index 4 is out of bounds for dimension 1 with size 4": "index 4 of dimension 1, which has size 4",
    "Dimension out of range (expected to be in range of [-1, 0], but got 1)": "dimensions are -1 to 0",
    "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
    "desired ordering of "
    "dimensions i.e. input.dim() = 2 is not equal to len(dims) = 3": (
        "a permute with 3 dimensions of a tensor that has 2"
    ),
    "Mismatch in shape: grad_output[0] has a shape of torch.Size([2, 4]) and output[0] has a shape of "
    "torch.Size([2, 3])": ("a gradient of shape torch.Size([2, 4])"),
    "Function AddBackward0 returned an invalid gradient at index 1 - got [2, 64] but expected shape compatible with "
    "[2, 32]": "a gradient of shape [2, 64] for a tensor of shape [2, 32]",
    "Need input of dimension 4 and input.size[1] == 3 but got input to be of shape: [1 x 1 x 224 x 224] at /pytorch": (
        "expects 3 input channels but gets 1"
    ),
    "non-empty 3D or 4D (batch mode) tensor expected for input": (
        "a pooling layer expects a 3D or 4D (batch mode) tensor"
    ),
    "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (3, 3) at "
    "dimension 3 of input [1, 3, 2, 2]": "a reflection padding of (3, 3)",
    "expected 4D input (got 2D input)": "expects a 4D tensor but gets a 2D one",
    "Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape [32] and "
    "input of shape [2, 64, 8, 8]": "a group normalization expects 32 channels but gets 64",
    "Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 63, 8, 8] and "
    "num_groups=2": "into 2 groups",
    "Mismatch of parameter numbers and input channel size. Found parameter numbers = 3 and channel size = 4.": (
        "4 channels"
    ),
    "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
    "input.size(-3)=3 is not divisible by 4": "a pixel shuffle gets 3 channels",
    "input has inconsistent input_size: got 5 expected 3": "a recurrent cell expects 3 features but gets 5",
    "Expected hidden[0] size (1, 2, 4), got [1, 3, 4]": "a hidden state of shape (1, 2, 4) but gets [1, 3, 4]",
    "LSTM: Expected input to be 2D or 3D, got 4D instead": "the LSTM gets a tensor with 4 dimensions",
    "For unbatched 2-D input, hx should also be 2-D but got 3-D tensor": "without a batch dimension",
    "The shape of the 2D attn_mask is torch.Size([4, 4]), but should be (5, 5).": "an attention mask of shape",
    "Expected key_padded_mask.shape[0] to be 2, but got 5": "dimension 0 of a key_padding_mask has size 5",
    "the batch number of src and tgt must be equal": "source and target",
    "key shape torch.Size([6, 2, 8]) does not match value shape torch.Size([5, 2, 8])": "values of shape torch.Size([5",
    "index out of range in self": "an embedding",
    "Using a target size (torch.Size([4])) that is different to the input size (torch.Size([4, 1])) is deprecated.": (
        "predictions of shape torch.Size([4, 1]) with targets of shape torch.Size([4])"
    ),
    "Target size (torch.Size([4])) must be the same as input size (torch.Size([4, 1]))": (
        "targets of shape torch.Size([4])"
    ),
    "size mismatch (got input: [2, 3, 8, 8] , target: [2, 4, 4]": "scores of shape [2, 3, 8, 8] for labels of shape",
    "only batches of spatial targets supported (3D tensors) but got targets of dimension: 4": "a channel dimension",
    "0D or 1D target tensor expected, multi-target not supported": "labels with more than one dimension",
    "Target 5 is out of bounds.": "the label 5",
    "../aten/src/ATen/native/cuda/NLLLoss2d.cu:103: block: [3,0,0], thread: [929,0,0] Assertion `t >= 0 "
    "&& t < n_classes` "
    "failed.": "not between 0 and the number of classes",
    "../aten/src/ATen/native/cuda/Indexing.cu:1141: Assertion `srcIndex < srcSelectDimSize` failed.": (
        "not below its size"
    ),
}


@pytest.mark.parametrize(("text", "meaning"), TEXTS.items())
def test_a_wording(text: str, meaning: str) -> None:
    found = explain_last(f"Traceback (most recent call last):\nRuntimeError: {text}\n")
    assert found is not None
    assert meaning in found.meaning


def test_every_wording_has_a_text() -> None:
    assert [wording.meaning for wording in WORDINGS if not any(wording.pattern.search(text) for text in TEXTS)] == []


def test_a_message_with_sizes_comes_before_one_without() -> None:
    found = explain_last(
        "Assertion `t >= 0 && t < n_classes` failed.\nRuntimeError: CUDA error: device-side assert triggered"
    )
    assert found is not None
    assert "a label that is not between 0" in found.meaning


@pytest.mark.parametrize(
    ("text", "statement", "hint"),
    [
        ("shape '[114, 256, 5, 8]' is invalid for input of size 634880", "", "fit with 62 in place of 114"),
        ("shape '[-1, 7]' is invalid for input of size 24", "", "keep the batch"),
        (
            "The expanded size of the tensor (15) must match the existing size (16)",
            "out += residual",
            "a difference of 1",
        ),
        ("The expanded size of the tensor (15) must match the existing size (16)", "x.expand(15)", "of size 1 can be"),
        ("Expected hidden[0] size (1, 2, 4), got [1, 3, 4]", "", "torch.zeros(layers, x.size(0), features)"),
        ("expected 4D input (got 2D input)", "", "nn.BatchNorm1d"),
    ],
)
def test_a_hint(text: str, statement: str, hint: str) -> None:
    found = explain_last(text)
    assert found is not None
    assert hint in found.advice(statement)


# Mistakes whose messages change between versions of torch: that of the installed one must be explained.
MISTAKES: tuple[Callable[[], object], ...] = (
    lambda: randn(2, 3) + randn(2, 4),
    lambda: randn(2, 1).add_(randn(2, 4)),
    lambda: torch.cat([randn(2, 3), randn(2, 4)], 0),
    lambda: torch.cat([randn(2, 3), randn(2)]),
    lambda: torch.stack([randn(2), randn(3)]),
    lambda: randn(2, 3, 4) @ randn(2, 5, 6),
    lambda: torch.einsum("bij,bjk->bik", randn(2, 3, 4), randn(2, 5, 6)),
    lambda: randn(2, 3, 4).view(-1, 7),
    lambda: randn(2, 3, 4).transpose(1, 2).view(2, -1),
    lambda: torch.split(randn(4, 64), [32, 16], 1),
    lambda: randn(3, 4).expand(3, 5),
    lambda: randn(3).flatten(1),
    lambda: randn(3, 4).permute(0, 2, 1),
    lambda: randn(4, 5)[torch.ones(3, dtype=torch.bool)],
    lambda: nn.Linear(3, 4)(randn(2, 5)),
    lambda: nn.Conv2d(3, 8, 3)(randn(1, 4, 8, 8)),
    lambda: nn.Conv2d(3, 8, 3)(randn(3, 8)),
    lambda: nn.Conv2d(3, 8, 9)(randn(1, 3, 8, 8)),
    lambda: nn.MaxPool2d(9)(randn(1, 3, 8, 8)),
    lambda: nn.MaxPool2d(2)(randn(3, 4)),
    lambda: nn.BatchNorm2d(3)(randn(1, 4, 8, 8)),
    lambda: nn.BatchNorm2d(3)(randn(2, 3)),
    lambda: nn.BatchNorm1d(3)(randn(1, 3)),
    lambda: nn.LayerNorm(3)(randn(1, 4)),
    lambda: nn.GroupNorm(2, 32)(randn(2, 64, 8, 8)),
    lambda: nn.LSTM(3, 4)(randn(5, 2, 7)),
    lambda: nn.GRU(3, 4)(randn(5, 2, 3), randn(1, 3, 4)),
    lambda: nn.MultiheadAttention(8, 2)(*[randn(5, 2, 6)] * 3),
    lambda: nn.PixelShuffle(2)(randn(1, 3, 4, 4)),
    lambda: nn.Embedding(3, 4)(torch.tensor([5])),
    lambda: F.cross_entropy(randn(2, 3), torch.tensor([1, 5])),
    lambda: F.cross_entropy(randn(2, 3), torch.tensor([1, 1, 1])),
    lambda: F.cross_entropy(randn(2, 3), torch.tensor([[1], [1]])),
    lambda: F.cross_entropy(randn(2, 3, 8, 8), torch.zeros(2, 4, 4).long()),
    lambda: F.binary_cross_entropy_with_logits(randn(4, 1), torch.ones(4)),
    lambda: nn.Linear(3, 4).load_state_dict(nn.Linear(3, 5).state_dict()),
)


def test_the_messages_of_the_installed_torch() -> None:
    assert [text for text in map(message_of, MISTAKES) if explain_last(text) is None] == []


def message_of(mistake: Callable[[], object]) -> str:
    with pytest.raises((RuntimeError, ValueError, IndexError, AssertionError)) as caught:
        mistake()
    return str(caught.value)
