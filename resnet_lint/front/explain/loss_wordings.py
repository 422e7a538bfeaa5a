"""Messages of losses, on the CPU and on CUDA."""

from __future__ import annotations

from collections.abc import Sequence

from . import advice
from .wording import SHAPE, SIZE, N, Wording, wording

LOSSES: Sequence[Wording] = (
    wording(
        rf"Expected input batch_size \((?P<a>{N})\) to match target batch_size \((?P<b>{N})\)",
        "a loss gets {a} predictions for {b} labels",
        lambda groups, statement: "keep the batch dimension when flattening: x.flatten(1), not x.view(-1, features)",
    ),
    wording(
        rf"Using a target size \((?P<b>{SIZE})\) that is different to the input size \((?P<a>{SIZE})\)",
        "a loss compares predictions of shape {a} with targets of shape {b}",
        advice.LOSS,
    ),
    wording(
        rf"Target size \((?P<b>{SIZE})\) must be the same as input size \((?P<a>{SIZE})\)",
        "a loss compares predictions of shape {a} with targets of shape {b}",
        advice.LOSS,
    ),
    wording(
        rf"size mismatch \(got input: (?P<a>{SHAPE}) ?, target: (?P<b>{SHAPE})",
        "a loss gets scores of shape {a} for labels of shape {b}; without the classes, both need the same sizes",
        "resize the scores to the size of the labels: F.interpolate(scores, size=labels.shape[-2:])",
    ),
    wording(
        rf"only batches of spatial targets supported \(3D tensors\) but got targets of "
        rf"(?:size|dimension): *:? ?(?P<b>{N}|{SHAPE})",
        "a loss gets a mask with a channel dimension in place of (batch, height, width): {b}",
        "remove it: labels.squeeze(1); a mask of colours has to be converted to class indices first",
    ),
    wording(
        r"(?:0D or )?1D target tensor expected, multi-target not supported|multi-target not supported at ",
        "a loss for class indices gets labels with more than one dimension",
        "pass class indices of shape (batch,): labels.squeeze(1), or labels.argmax(1) of one-hot labels",
    ),
    wording(
        rf"Target (?P<got>-?{N}) is out of bounds",
        "a loss gets the label {got}, but the model has fewer classes",
        "labels start at 0; the last layer needs as many output features as there are classes",
    ),
    wording(
        r"Assertion `?t >= 0 && t < n_classes`? failed|Assertion `?cur_target >= 0 && cur_target < n_classes",
        "a loss gets a label that is not between 0 and the number of classes",
        "labels start at 0; the last layer needs as many output features as there are classes",
    ),
    wording(
        r"Assertion `?srcIndex < srcSelectDimSize`? failed",
        "an embedding or an index gets a number that is not below its size",
        "print x.min() and x.max() before the embedding, and set num_embeddings above the maximum",
    ),
)
