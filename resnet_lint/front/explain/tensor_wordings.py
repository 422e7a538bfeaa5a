"""Messages about operations on tensors: additions, products, concatenations, views, indices."""

from __future__ import annotations

from collections.abc import Sequence

from . import advice
from .wording import SHAPE, SIZE, N, Wording, wording

TENSORS: Sequence[Wording] = (
    wording(
        rf"The size of tensor a \((?P<a>{N})\) must match the size of tensor b \((?P<b>{N})\) "
        rf"at non-singleton dimension (?P<axis>{N})",
        "an addition, or another elementwise operation, of tensors whose sizes at dimension {axis} are {a} and {b}",
        advice.of_elementwise,
    ),
    wording(
        rf"output with shape (?P<a>{SHAPE}) doesn't match the broadcast shape (?P<b>{SHAPE})",
        "an in-place operation, such as `+=`, on a tensor of shape {a} whose result has shape {b}",
        advice.IN_PLACE,
    ),
    wording(
        rf"Attempting to broadcast a dimension of length (?P<a>{N}) at (?P<axis>-{N})! Mismatching argument at index "
        rf"(?P<index>{N}) had (?P<b>{SIZE})",
        "an elementwise operation whose operand {index} of shape {b} does not fit at dimension {axis}, of size {a} "
        "(reported by torch.compile, export or the meta device)",
        lambda groups, statement: "run it once without torch.compile; the message then names both sizes",
    ),
    wording(
        rf"shapes cannot be multiplied \((?P<a>{N})x(?P<got>{N}) and (?P<wants>{N})x(?P<out>{N})\)",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
        advice.of_linear,
    ),
    wording(
        rf"size mismatch, m1: \[(?P<a>{N}) x (?P<got>{N})\], m2: \[(?P<wants>{N}) x (?P<out>{N})\]",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
        advice.of_linear,
    ),
    wording(
        rf"must have same reduction dim, but got \[(?P<a>{N}), (?P<got>{N})\] X \[(?P<wants>{N}), (?P<out>{N})\]",
        "a linear layer or matrix product expects {wants} input features but gets {got}",
        advice.of_linear,
    ),
    wording(
        rf"size mismatch, got input \((?P<out>{N})\), mat \({N}x(?P<wants>{N})\), vec \((?P<got>{N})\)",
        "a product of a matrix with {wants} columns and a vector of {got} elements",
        advice.PRODUCT,
    ),
    wording(
        rf"Expected size for first two dimensions of batch2 tensor to be: \[(?P<n>{N}), (?P<wants>{N})\] but got: "
        rf"\[(?P<m>{N}), (?P<got>{N})\]",
        "a batched matrix product whose second operand has {m} matrices with {got} rows, in place of {n} with {wants}",
        advice.PRODUCT,
    ),
    wording(
        rf"'mps\.matmul' op contracting dimensions differ (?P<got>{N}) & (?P<wants>{N})",
        "a linear layer or matrix product expects {wants} input features but gets {got} (on MPS)",
        advice.of_linear,
    ),
    wording(
        r"input types 'tensor<(?P<a>[^']*)>' and 'tensor<(?P<b>[^']*)>' are not broadcast compatible",
        "an addition, or another elementwise operation, of tensors of shapes {a} and {b} (on MPS)",
        advice.SHAPES,
    ),
    wording(
        rf"einsum\(\): subscript (?P<axis>\w) has size (?P<b>{N}) for operand (?P<index>{N}) which does not broadcast "
        rf"with previously seen size (?P<a>{N})",
        "the axis {axis} of an einsum has size {b} in operand {index}, but {a} in an operand before it",
        advice.EINSUM,
    ),
    wording(
        r"einsum\(\): operands do not broadcast with remapped shapes \[original->remapped\]: (?P<shapes>[^\n]+)",
        "an einsum whose operands have different sizes at an axis: {shapes}",
        advice.EINSUM,
    ),
    wording(
        rf"einsum\(\): the number of subscripts in the equation \((?P<wants>{N})\) does not match the number of "
        rf"dimensions \((?P<got>{N})\) for operand (?P<index>{N})",
        "the equation of an einsum has {wants} letters for operand {index}, whose number of dimensions is {got}",
        advice.EINSUM,
    ),
    wording(
        r"inconsistent tensor size, expected (?:tensor|src|r_) (?P<a>\[[\d x]*\])(?:, t \[[\d x]*\])? and \w+ "
        r"(?P<b>\[[\d x]*\]) to have the same number of elements",
        "an operation on tensors of shapes {a} and {b}, which need the same number of elements",
        advice.SHAPES,
    ),
    wording(
        rf"Sizes of tensors must match except in dimension (?P<axis>{N})\. Got (?P<a>{N}) and (?P<b>{N}) "
        r"\(The offending index is \d+\)",  # torch 1.7 to 1.9 name the dimension that differs
        "a concatenation of tensors that differ in dimension {axis}: {a} and {b}",
        advice.of_concatenation,
    ),
    wording(
        rf"Sizes of tensors must match except in dimension (?P<axis>{N})\. "
        rf"(?:Expected size (?P<a>{N}) but got size|Got (?P<c>{N}) and) (?P<b>{N})(?! \(The)",
        "a concatenation along dimension {axis} of tensors that differ in another dimension: {a}{c} and {b}",
        advice.of_concatenation,
    ),
    wording(
        rf"Tensors must have same number of dimensions: got (?P<a>{N}) and (?P<b>{N})",
        "a concatenation of tensors with {a} and {b} dimensions",
        advice.RANKS,
    ),
    wording(
        r"zero-dimensional tensor \(at position \d+\) cannot be concatenated",
        "a concatenation of tensors without dimensions, such as losses",
        "use torch.stack, or keep a dimension: x.reshape(1)",
    ),
    wording(
        rf"stack expects each tensor to be equal size, but got (?P<a>{SHAPE}) at entry \d+ and (?P<b>{SHAPE})",
        "a stack of tensors of shapes {a} and {b}; a DataLoader stacks the samples of a batch",
        lambda groups, statement: "resize or pad the samples to one shape, or pass a collate_fn to the DataLoader",
    ),
    wording(
        rf"shape '(?P<wants>\[[-\d, ]*\])' is invalid for input of size (?P<got>{N})",
        "a view or reshape of a tensor with {got} elements to {wants}",
        advice.of_view,
    ),
    wording(
        r"view size is not compatible with input tensor's size and stride",
        "a view of a tensor that is not contiguous, usually after transpose or permute",
        "use x.reshape(...), or x.contiguous().view(...)",
    ),
    wording(
        rf"unflatten: Provided sizes (?P<wants>{SHAPE}) don't multiply up to the size of dim "
        rf"(?P<axis>-?{N}) \((?P<got>{N})\)",
        "dimension {axis} of size {got} is split into {wants}, whose product is another",
        "let torch infer one of the sizes: -1",
    ),
    wording(
        rf"split_with_sizes expects split_sizes to sum exactly to (?P<got>{N}) \(input tensor's size at dimension "
        rf"(?P<axis>-?{N})\), but got split_sizes=(?P<wants>{SHAPE})",
        "dimension {axis} of size {got} is split into {wants}, whose sum is another",
        "make the sizes add up to the size of the dimension, or the layer before as wide as their sum",
    ),
    wording(
        rf"The expanded size of the tensor \((?P<a>{N})\) must match the existing size \((?P<b>{N})\)",
        "a dimension of size {b} is expanded to {a}",
        advice.of_expansion,
    ),
    wording(
        rf"shape mismatch: value tensor of shape (?P<b>{SHAPE}) cannot be broadcast to indexing result of shape "
        rf"(?P<a>{SHAPE})",
        "values of shape {b} are assigned to an index of shape {a}",
        "select as many elements as there are values: the mask and the values usually come from different sizes",
    ),
    wording(
        rf"The shape of the mask (?P<a>{SHAPE}) at index (?P<axis>{N}) does not match the shape of the indexed tensor "
        rf"(?P<b>{SHAPE})",
        "a mask of shape {a} indexes a tensor of shape {b}",
        "the mask needs the sizes of the dimensions that it selects from, from the first on",
    ),
    wording(
        rf"index (?P<a>-?{N}) is out of bounds for dimension (?P<axis>{N}) with size (?P<b>{N})",
        "index {a} of dimension {axis}, which has size {b}",
        "indices start at 0; check the order of the axes at this line",
    ),
    wording(
        rf"Dimension out of range \(expected to be in range of \[(?P<low>-{N}), (?P<high>{N})\], "
        rf"but got (?P<axis>-?{N})\)",
        "dimension {axis} of a tensor whose dimensions are {low} to {high}",
        advice.of_dimension,
    ),
    wording(
        rf"input\.dim\(\) = (?P<got>{N}) is not equal to len\(dims\) = (?P<wants>{N})",
        "a permute with {wants} dimensions of a tensor that has {got}",
        advice.of_dimension,
    ),
    wording(
        rf"grad_output\[{N}\] has a shape of (?P<a>{SIZE}) and output\[{N}\] has a shape of (?P<b>{SIZE})",
        "a gradient of shape {a} is passed to backward() for a result of shape {b}",
        "reduce the loss to a scalar: loss.mean().backward()",
    ),
    wording(
        rf"returned an invalid gradient at index (?P<index>{N}) - got (?P<a>{SHAPE}) but expected shape "
        rf"compatible with (?P<b>{SHAPE})",
        "the backward pass has a gradient of shape {a} for a tensor of shape {b}, which was modified in place",
        advice.BACKWARD,
    ),
    wording(
        r"one of the variables needed for gradient computation has been modified by an inplace operation",
        "a tensor that the backward pass needs was modified in place",
        advice.BACKWARD,
    ),
)
