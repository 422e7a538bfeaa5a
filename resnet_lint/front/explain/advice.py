"""What to change, as far as an error message and the failing statement tell: a function or a text per message."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

Groups = Mapping[str, str]
"""The groups of the pattern that matched the message."""


def of_elementwise(groups: Groups, statement: str) -> str:
    """Operands of sizes `a` and `b` at dimension `axis`: `out += identity`."""
    a, b, axis = int(groups["a"]), int(groups["b"]), int(groups["axis"])
    if re.search(r"\bpos|[._]pos", statement):
        return "make the positional embedding for this input size, or interpolate it"
    if axis == 0:
        return "if dimension 0 is the batch, one operand has lost or repeated samples"
    if axis == 1:
        return f"if these are the channels of a skip connection, project it: nn.Conv2d({b}, {a}, kernel_size=1)"
    return _of_sizes(a, b)


def of_concatenation(groups: Groups, statement: str) -> str:
    """Parts of sizes `a` (or `c`) and `b` at another dimension than that of the concatenation."""
    return _of_sizes(int(groups["a"] or groups["c"]), int(groups["b"]))


def _of_sizes(a: int, b: int) -> str:
    small, large = sorted((a, b))
    if large - small == 1:
        return (
            "a difference of 1 comes from rounding: use input sizes that are divisible by all strides, "
            "or resize one operand: F.interpolate(x, size=skip.shape[-2:])"
        )
    if small and large % small == 0:
        return f"one operand is {large // small} times as large: apply the same strides to both, or resize one"
    return "apply the same kernels, strides and paddings to both, or resize one: F.interpolate(x, size=skip.shape[-2:])"


def of_expansion(groups: Groups, statement: str) -> str:
    """A dimension of size `b` expanded to `a`; old versions of torch say this of `out += identity` too."""
    if re.search(r"[-+*/]=", statement):
        return _of_sizes(int(groups["a"]), int(groups["b"]))
    return "only dimensions of size 1 can be expanded: add one by unsqueeze, or use repeat"


def of_view(groups: Groups, statement: str) -> str:
    """A tensor of `got` elements viewed as `wants`."""
    wants, got = [int(size) for size in re.findall(r"-?\d+", groups["wants"])], int(groups["got"])
    rest = math.prod(wants[1:])
    if wants and min(wants) > 0 and got and got % rest == 0:
        return (
            f"these sizes fit with {got // rest} in place of {wants[0]}: take the batch size from the tensor, x.size(0)"
        )
    return "keep the batch and infer the rest: x.view(x.size(0), -1); then check the layer that follows"


def of_convolution(groups: Groups, statement: str) -> str:
    """An input of shape `shape` with `got` channels, for a layer that expects `wants`."""
    wants, got, shape = groups["wants"], groups["got"], re.findall(r"\d+", groups["shape"])
    if len(shape) == 4 and shape[-1] == wants:
        return "the channels are last; torch expects them first: x.permute(0, 3, 1, 2)"
    if (wants, got) in (("3", "1"), ("1", "3")):
        return f"set in_channels={got} on this layer, or convert the images to {wants} channel{'s' * (wants == '3')}"
    return f"set in_channels={got} on this layer, or {wants} output channels on the one before"


def of_linear(groups: Groups, statement: str) -> str:
    """`got` features for a layer that expects `wants`."""
    return (
        f"set in_features={groups['got']} on this layer; if its input is a flattened image, check the image size and "
        "flatten(1), or pool to a fixed size: nn.AdaptiveAvgPool2d((1, 1))"
    )


def of_batch_norm(groups: Groups, statement: str) -> str:
    return f"set num_features={groups['got']} on this layer, or give its input {groups['wants']} channels"


def of_layer_norm(groups: Groups, statement: str) -> str:
    wants, got = re.findall(r"\d+", groups["wants"]), re.findall(r"\d+", groups["got"])
    if len(got) == 4 and wants == got[1:2]:
        return "a layer normalization normalizes the last dimension: x.permute(0, 2, 3, 1), or use nn.GroupNorm(1, ...)"
    if len(got) == 3 and wants == got[1:2]:
        return "a layer normalization normalizes the last dimension: x.transpose(1, 2)"
    return f"set normalized_shape={got[-1] if got else '...'} on this layer, or change the width before it"


def of_normalization_rank(groups: Groups, statement: str) -> str:
    """A tensor of rank `got` for a normalization that expects the rank `wants`, both such as "4D"."""
    if groups["got"] == "2D" and groups["wants"] == "4D":
        return "behind a flatten or a linear layer, use nn.BatchNorm1d; else do not flatten before this layer"
    if groups["got"] == "4D":
        return "for images, use the layer for 2d, such as nn.BatchNorm2d; else flatten the input: x.flatten(1)"
    return MISSING_BATCH


def of_hidden_state(groups: Groups, statement: str) -> str:
    """A hidden state of shape `got` in place of `wants`, both (layers, batch, features)."""
    wants, got = re.findall(r"\d+", groups["wants"]), re.findall(r"\d+", groups["got"])
    if len(wants) == len(got) == 3 and wants[1] != got[1]:
        return (
            "make the state for the current batch: torch.zeros(layers, x.size(0), features); without "
            "batch_first=True, the batch is the second dimension of the input"
        )
    return "make the state with the layers, directions and hidden_size of this layer"


def of_dimension(groups: Groups, statement: str) -> str:
    return "another number of dimensions is expected here: look for a squeeze, an index or a missing batch before it"


IN_PLACE = "if broadcasting is intended, create a new tensor: out = out + x; else give both operands one shape"
SMALL_INPUT = "use a larger input, or fewer strides and poolings before this layer"
MISSING_BATCH = "if the batch dimension is missing, add it: x.unsqueeze(0)"
RANKS = "give both the same dimensions, such as by x.unsqueeze(...) or x.flatten(2)"
CHECKPOINT = "construct the model with the arguments it was saved with, or drop this key from the checkpoint"
BACKWARD = "change out += x to out = out + x, and inplace=True to inplace=False, before the tensor named in the error"
SHAPES = "give both the same shape; their shapes are printed by print(x.shape) before this line"
PRODUCT = "check the order of the axes, such as a missing transpose(-2, -1), and the width of the layers before"
EINSUM = "print the shapes of the operands before this line, and compare them with the letters of the equation"
LOSS = "give both one shape: predictions.squeeze(1), or targets.unsqueeze(1); a reshape must not mix samples"
OLD = "newer versions of torch name both sizes; print the shapes of the operands before this line"
DEVICE_ASSERT = (
    "run it once on the CPU, whose message names the index; labels have to be below the number of classes, and tokens "
    "below num_embeddings"
)
CUDA = "run it once on the CPU, whose message names the shapes"
