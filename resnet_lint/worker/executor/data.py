"""Data to train on: images with their classes, in two splits, in the shape that the model takes.

Everything is held in memory. Images of whole numbers become floats from 0 to 1; then all values are standardised by the
training split's mean and deviation.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from resnet_lint.shared.error_text import said
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.places import Shape

from ..tensors import tensors_in
from .images import read_folder
from .model_under_test import ModelUnderTest

_VALIDATION_SHARE = 0.2
_FEWEST = 2


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples, the number of the sample first, with the numbers of their classes."""

    values: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, places: Tensor) -> Samples:
        return Samples(self.values[places], self.labels[places])


@dataclass(frozen=True, eq=False)
class Data:
    """A training and a validation split. `shared` counts the validation samples that are training samples too."""

    name: str
    train: Samples
    validation: Samples
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    shared: int = 0


def read_data(source: str, shape: Shape, seed: int) -> Data:
    """The data of a source, as samples of a shape (without the batch). Raises UsageError for anything amiss."""
    data = _read(source, shape, seed)
    _check(data)
    fitted = replace(
        data,
        train=replace(data.train, values=_fitted(data.train.values, shape)),
        validation=replace(data.validation, values=_fitted(data.validation.values, shape)),
    )
    return replace(_standardised(fitted), shared=_shared(fitted))


def require_one_input(tested: ModelUnderTest) -> None:
    """Raise UsageError for a model that takes more than samples."""
    if len(tested.setup.inputs) != 1:
        names = ", ".join(name for name, _ in tested.setup.inputs)
        raise UsageError(f"--train feeds one input, and {tested.setup.label} takes {names}")


def require_classes(tested: ModelUnderTest, data: Data) -> None:
    """Raise UsageError for a model that does not give one output for each class."""
    outputs = next(tensors_in(tested.trace.output)).shape
    if len(outputs) != 2 or outputs[1] != len(data.classes):
        raise UsageError(
            f"{tested.setup.label} gives outputs of shape {tuple(outputs)}, and {data.name} has {len(data.classes)} "
            f"classes; build it with that many outputs, as in --call 'Net(num_classes={len(data.classes)})'"
        )


def _read(source: str, shape: Shape, seed: int) -> Data:
    if source == "digits":
        return _digits(seed)
    path = Path(source)
    if path.is_dir():
        splits, classes, notes = read_folder(path, shape)
        return _data(source, [Samples(*split) for split in splits], classes, notes, seed)
    if path.suffix == ".npz":
        return _arrays(path, seed)
    if ":" in source and not path.exists():
        return _made(source, seed)
    raise UsageError(f"--data: {source} is no folder of class folders, no .npz file and no module:factory")


def _data(name: str, splits: list[Samples], classes: tuple[str, ...], notes: tuple[str, ...], seed: int) -> Data:
    """Data of one split, which is cut in two, or of two."""
    train, validation = splits if len(splits) == 2 else _split(splits[0], seed)
    return Data(name, train, validation, classes, notes)


def _split(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """A fifth of each class for validation, drawn by the seed."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(samples), generator=generator)
    places = [order[samples.labels[order] == label] for label in torch.unique(samples.labels)]
    cuts = [max(1, round(len(each) * _VALIDATION_SHARE)) for each in places]
    return (
        samples.subset(torch.cat([each[cut:] for each, cut in zip(places, cuts, strict=True)])),
        samples.subset(torch.cat([each[:cut] for each, cut in zip(places, cuts, strict=True)])),
    )


def _digits(seed: int) -> Data:
    require("sklearn")
    from sklearn.datasets import load_digits

    found = load_digits()
    samples = Samples(torch.tensor(found.images, dtype=torch.float32) / 16, torch.tensor(found.target))
    return _data("scikit-learn's digits", [samples], tuple(map(str, found.target_names)), (), seed)


def _arrays(path: Path, seed: int) -> Data:
    require("numpy")
    import numpy

    try:
        with numpy.load(path) as arrays:
            found = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except OSError as error:
        raise UsageError(f"--data: cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"--data: {path} is no .npz file of plain arrays: {said(error)}") from error
    for names in (("x_train", "y_train", "x_test", "y_test"), ("images", "labels")):
        if set(names) <= found.keys():
            pairs = zip(names[::2], names[1::2], strict=True)
            splits = [_numbered(found[values], found[labels], path) for values, labels in pairs]
            classes = torch.unique(torch.cat([split.labels for split in splits]))
            splits = [replace(each, labels=torch.searchsorted(classes, each.labels)) for each in splits]
            return _data(str(path), splits, tuple(str(int(each)) for each in classes), (), seed)
    raise UsageError(
        f"--data: {path} holds {', '.join(found) or 'nothing'}; it needs images and labels, "
        "or x_train, y_train, x_test and y_test"
    )


def _numbered(values: Tensor, labels: Tensor, path: Path) -> Samples:
    labels = labels.flatten()
    if labels.is_floating_point() or len(values) != len(labels):
        raise UsageError(f"--data: {path}: labels must be whole numbers, one for each of the {len(values)} images")
    return Samples(_as_floats(values), labels.long())


def _as_floats(values: Tensor) -> Tensor:
    return values.float() / 255 if values.dtype == torch.uint8 else values.float()


def _made(source: str, seed: int) -> Data:
    """What a function of the user's gives: (values, class) pairs, or two such sets, for training and validation."""
    module, _, name = source.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module), name)()
        sets = list(made) if isinstance(made, tuple) and len(made) == 2 else [made]
        splits = [_collected(each) for each in sets]
    except Exception as error:
        raise UsageError(f"--data: {source} gives no data: {said(error)}") from error
    number = 1 + max(int(split.labels.max()) for split in splits)
    return _data(source, splits, tuple(map(str, range(number))), (), seed)


def _collected(pairs: Iterable[tuple[Any, Any]]) -> Samples:
    values, labels = zip(*((torch.as_tensor(value), int(label)) for value, label in pairs), strict=True)
    return Samples(_as_floats(torch.stack(values)), torch.tensor(labels))


def _check(data: Data) -> None:
    if len(data.classes) < 2:
        raise UsageError(f"--data: {data.name} has one class only, {data.classes[0]}; a classifier needs two at least")
    counts = torch.cat([data.train.labels, data.validation.labels]).bincount(minlength=len(data.classes))
    fewest = int(counts.argmin())
    if counts[fewest] < _FEWEST:
        raise UsageError(
            f"--data: class {data.classes[fewest]} of {data.name} has {int(counts[fewest])} samples; "
            f"each needs {_FEWEST} at least, one for training and one for validation"
        )


def _fitted(values: Tensor, shape: Shape) -> Tensor:
    """Samples in the shape of the model's input: channels repeated or averaged, images resized."""
    if values.shape[1:] == shape:
        return values
    if len(shape) != 3:
        flat = values.flatten(1)
        if len(shape) == 1 and flat.shape[1] == shape[0]:
            return flat
        raise UsageError(f"--data: samples of shape {tuple(values.shape[1:])} do not fit the model's input {shape}")
    images = _channels_first(values)
    if images.shape[1] != shape[0]:
        images = images.mean(1, keepdim=True).expand(-1, shape[0], -1, -1)
    if images.shape[2:] != shape[1:]:
        images = F.interpolate(images, size=shape[1:], mode="bilinear", antialias=True)
    return images.contiguous()


def _channels_first(values: Tensor) -> Tensor:
    if values.dim() == 3:
        return values.unsqueeze(1)
    if values.dim() == 4:
        last = values.shape[3] in (1, 3, 4) and values.shape[1] not in (1, 3, 4)
        return values.permute(0, 3, 1, 2) if last else values
    raise UsageError(f"--data: samples of shape {tuple(values.shape[1:])} are no images, which the model takes")


def _standardised(data: Data) -> Data:
    """Mean 0 and deviation 1 over the training split, channel by channel."""
    values = data.train.values
    over = [axis for axis in range(values.dim()) if axis != 1] if values.dim() > 2 else [0]
    mean, deviation = values.mean(over, keepdim=True), values.std(over, keepdim=True).clamp_min(1e-6)

    def standardise(samples: Samples) -> Samples:
        return replace(samples, values=(samples.values - mean) / deviation)

    return replace(data, train=standardise(data.train), validation=standardise(data.validation))


def _shared(data: Data) -> int:
    """How many validation samples are identical to a training sample."""
    known = set(_digests(data.train.values))
    return sum(digest in known for digest in _digests(data.validation.values))


def _digests(values: Tensor) -> list[bytes]:
    return [hashlib.blake2b(row.numpy().tobytes(), digest_size=16).digest() for row in values]
