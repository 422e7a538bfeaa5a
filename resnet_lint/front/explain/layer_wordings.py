"""Messages of layers, and of loading their weights."""

from __future__ import annotations

from collections.abc import Sequence

from . import advice
from .wording import SHAPE, SIZE, N, Wording, wording

LAYERS: Sequence[Wording] = (
    wording(
        rf"expected input(?P<shape>{SHAPE}) to have (?P<wants>{N}) channels, but got (?P<got>{N}) channels",
        "a convolution expects {wants} input channels but gets {got}: its input has shape {shape}",
        advice.of_convolution,
    ),
    wording(
        rf"Need input of dimension (?P<rank>{N}) and input\.size\[1\] == (?P<wants>{N}) but got input to be of shape: "
        rf"(?P<shape>\[{N} x (?P<got>{N})[ x\d]*\])",
        "a convolution expects {wants} input channels but gets {got}: its input has shape {shape}",
        advice.of_convolution,
    ),
    wording(
        rf"Expected {N}-dimensional input for (?P<wants>{N})-dimensional weight {SHAPE}, but got "
        rf"{N}-dimensional input of size (?P<got>{SHAPE})",
        "a convolution expects a tensor with {wants} dimensions but gets one of shape {got}",
        advice.MISSING_BATCH,
    ),
    wording(
        rf"Expected (?P<wants>.{{1,40}}?) input to (?P<layer>conv\w+), but got input of size: (?P<got>{SHAPE})",
        "a {layer} expects a {wants} tensor but gets one of shape {got}",
        advice.MISSING_BATCH,
    ),
    wording(
        r"Calculated padded input size per channel: \((?P<got>[\dx ]+)\)\. Kernel size: \((?P<wants>[\dx ]+)\)",
        "the padded input {got} is smaller than the kernel {wants}",
        advice.SMALL_INPUT,
    ),
    wording(
        r"Given input size: \((?P<got>[\dx]+)\)\. Calculated output size: \((?P<out>[-\dx]+)\)",
        "the input of a pooling layer is too small: {got} would become {out}",
        advice.SMALL_INPUT,
    ),
    wording(
        r"non-empty (?P<wants>.{1,30}?) tensor expected for input",
        "a pooling layer expects a {wants} tensor",
        advice.MISSING_BATCH,
    ),
    wording(
        rf"Padding size should be less than the corresponding input dimension, but got: padding (?P<a>\([\d, ]*\)) at "
        rf"dimension (?P<axis>{N}) of input (?P<b>{SHAPE})",
        "a reflection padding of {a} at dimension {axis} of a tensor of shape {b}, which is too small",
        advice.SMALL_INPUT,
    ),
    wording(
        rf"running_mean should contain (?P<got>{N}) elements not (?P<wants>{N})",
        "a batch normalization expects {wants} channels but gets {got}",
        advice.of_batch_norm,
    ),
    wording(
        r"expected (?P<wants>\dD(?: or \dD)?) input \(got (?P<got>\dD) input\)",
        "a normalization layer expects a {wants} tensor but gets a {got} one",
        advice.of_normalization_rank,
    ),
    wording(
        r"Expected more than 1 value per channel when training, got input size (?:torch\.Size\()?(?P<got>\[[\d, ]*\])",
        "a batch normalization in training mode gets one value per channel: {got}; use a larger batch",
        lambda groups, statement: "pass drop_last=True to the DataLoader, or call model.eval() for a single sample",
    ),
    wording(
        rf"Given normalized_shape=(?P<wants>{SHAPE}), expected input with shape .*?"
        rf"got input of size ?(?P<got>{SHAPE})",
        "a layer normalization over {wants} gets a tensor of shape {got}",
        advice.of_layer_norm,
    ),
    wording(
        rf"size equal to the number of channels in input, but got weight of shape \[(?P<wants>{N})\] and input of "
        rf"shape \[{N}, (?P<got>{N})[\d, ]*\]",
        "a group normalization expects {wants} channels but gets {got}",
        lambda groups, statement: (
            f"set num_channels={groups['got']} on this layer, or give its input {groups['wants']} channels"
        ),
    ),
    wording(
        rf"channels in input to be divisible by num_groups, but got input of shape (?P<shape>{SHAPE}) "
        rf"and num_groups=(?P<a>{N})",
        "a group normalization into {a} groups gets a tensor of shape {shape}, whose channels it does not divide",
        "use a number of groups that divides the channels",
    ),
    wording(
        rf"Mismatch of parameter numbers and input channel size\. Found parameter numbers = (?P<wants>{N}) and "
        rf"channel size = (?P<got>{N})",
        "a PReLU with {wants} parameters gets {got} channels",
        lambda groups, statement: f"set num_parameters={groups['got']} on this layer, or 1 for all channels",
    ),
    wording(
        rf"input\.size\(-3\)=(?P<got>{N}) is not divisible by (?P<a>{N})",
        "a pixel shuffle gets {got} channels, which {a} does not divide",
        "the layer before needs out_channels * upscale_factor**2 output channels",
    ),
    wording(
        rf"input\.size\(-1\) must be equal to input_size\. Expected (?P<wants>{N}), got (?P<got>{N})",
        "a recurrent layer expects {wants} features but gets {got}",
        lambda groups, statement: f"set input_size={groups['got']} on this layer, or change the width before it",
    ),
    wording(
        rf"input has inconsistent input_size: got (?P<got>{N}),? expected (?P<wants>{N})",
        "a recurrent cell expects {wants} features but gets {got}",
        lambda groups, statement: f"set input_size={groups['got']} on this cell, or change the width before it",
    ),
    wording(
        r"Expected hidden(?:\[\d\])? size (?P<wants>\([\d, ]*\)), got (?P<got>[\[(][\d, ]*[\])])",
        "a recurrent layer expects a hidden state of shape {wants} but gets {got}: (layers, batch, features)",
        advice.of_hidden_state,
    ),
    wording(
        r"(?P<layer>RNN|LSTM|GRU): Expected input to be 2D or 3D, got (?P<got>\d)D",
        "the {layer} gets a tensor with {got} dimensions in place of (batch, time, features)",
        "flatten the dimensions that are not batch and time: x.flatten(2)",
    ),
    wording(
        r"For unbatched 2-D input, hx should also be 2-D but got 3-D tensor",
        "a recurrent layer gets a tensor without a batch dimension, but a hidden state that has one",
        advice.MISSING_BATCH,
    ),
    wording(
        rf"was expecting embedding dimension of (?P<wants>{N}), but got (?P<got>{N})",
        "an attention layer expects {wants} features but gets {got}",
        lambda groups, statement: f"set embed_dim={groups['got']} on this layer, or change the width before it",
    ),
    wording(
        rf"The shape of the (?P<rank>\dD) attn_mask is (?P<got>{SIZE}), but should be (?P<wants>\([\d, ]*\))",
        "an attention mask of shape {got}, where the length of the sequences needs {wants}",
        "make the mask from the sizes of the query and key; with batch_first=False, the first dimension is the length",
    ),
    wording(
        rf"Expected key_padded_mask\.shape\[(?P<axis>\d)\] to be (?P<wants>{N}), but got (?P<got>{N})",
        "dimension {axis} of a key_padding_mask has size {got}, but the batch and length of the keys need {wants}",
        "the mask has shape (batch, length); without batch_first=True, the input has (length, batch, features)",
    ),
    wording(
        r"the batch number of src and tgt must be equal",
        "a Transformer gets source and target with different batch sizes",
        "pass batch_first=True, if the batch is the first dimension of both",
    ),
    wording(
        rf"key shape (?P<a>{SIZE}) does not match value shape (?P<b>{SIZE})",
        "an attention layer gets keys of shape {a} and values of shape {b}",
        advice.SHAPES,
    ),
    wording(
        r"index out of range in self",
        "an embedding gets an index that is not below num_embeddings",
        "print x.min() and x.max() before the embedding, and set num_embeddings above the maximum",
    ),
    wording(
        rf"size mismatch for (?P<key>[\w.]+): copying a param with shape (?P<a>{SIZE}) from checkpoint, "
        rf"the shape in current model is (?P<b>{SIZE})",
        "{key} has shape {a} in the checkpoint, but {b} in the model",
        advice.CHECKPOINT,
    ),
)
