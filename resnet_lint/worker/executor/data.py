"""Loads labelled samples for training and validation, in the shape of the model's input.

All data is held in memory. uint8 images are scaled to [0, 1]; then all values are standardised with the mean and
standard deviation of the training split.
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

from resnet_lint.shared.error_text import error_text
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
    """Samples of shape (N, ...) with their class indices of shape (N,)."""

    values: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor) -> Samples:
        return Samples(self.values[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Data:
    """A training and a validation split. `shared` is the number of samples that are in both splits."""

    name: str
    train: Samples
    validation: Samples
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    shared: int = 0


def read_data(source: str, shape: Shape, seed: int) -> Data:
    """Load `--data`, with samples of a shape (without the batch). Raises UsageError if the data cannot be used."""
    data = _read(source, shape, seed)
    _check(data)
    fitted = replace(
        data,
        train=replace(data.train, values=_fitted(data.train.values, shape)),
        validation=replace(data.validation, values=_fitted(data.validation.values, shape)),
    )
    return replace(_standardised(fitted), shared=_shared(fitted))


def require_one_input(tested: ModelUnderTest) -> None:
    """Raise UsageError for a model with several inputs."""
    if len(tested.setup.inputs) != 1:
        names = ", ".join(name for name, _ in tested.setup.inputs)
        raise UsageError(f"--train supports models with one input; {tested.setup.label} takes {names}")


def require_classifier(tested: ModelUnderTest) -> None:
    """Raise UsageError unless the model returns logits of shape (N, classes)."""
    outputs = _output_shape(tested)
    if len(outputs) != 2:
        raise UsageError(
            f"{tested.setup.label} is not a classifier: its output has shape {outputs}, "
            "and --train needs logits of shape (N, classes)"
        )


def _output_shape(tested: ModelUnderTest) -> Shape:
    return tuple(next(tensors_in(tested.trace.output)).shape)


def require_classes(tested: ModelUnderTest, data: Data) -> None:
    """Raise UsageError unless the model, a classifier, has as many outputs as the data has classes."""
    outputs = _output_shape(tested)
    if outputs[1] != len(data.classes):
        raise UsageError(
            f"{tested.setup.label} has outputs of shape {outputs}, but {data.name} has {len(data.classes)} "
            f"classes; set the number of outputs, as in --call 'Net(num_classes={len(data.classes)})'"
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
        return _from_factory(source, seed)
    raise UsageError(f"--data: {source} is neither a folder of class folders, nor an .npz file, nor module:factory")


def _data(name: str, splits: list[Samples], classes: tuple[str, ...], notes: tuple[str, ...], seed: int) -> Data:
    """Data from two splits, or from one that is split here."""
    train, validation = splits if len(splits) == 2 else _split(splits[0], seed)
    return Data(name, train, validation, classes, notes)


def _split(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """Split off a random fifth of each class for validation."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(samples), generator=generator)
    by_class = [order[samples.labels[order] == label] for label in torch.unique(samples.labels)]
    cuts = [max(1, round(len(indices) * _VALIDATION_SHARE)) for indices in by_class]
    return (
        samples.subset(torch.cat([indices[cut:] for indices, cut in zip(by_class, cuts, strict=True)])),
        samples.subset(torch.cat([indices[:cut] for indices, cut in zip(by_class, cuts, strict=True)])),
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
        raise UsageError(f"--data: {path} is not an .npz file of plain arrays: {error_text(error)}") from error
    for names in (("x_train", "y_train", "x_test", "y_test"), ("images", "labels")):
        if set(names) <= found.keys():
            pairs = zip(names[::2], names[1::2], strict=True)
            splits = [_numbered(found[values], found[labels], path) for values, labels in pairs]
            classes = torch.unique(torch.cat([split.labels for split in splits]))
            splits = [replace(split, labels=torch.searchsorted(classes, split.labels)) for split in splits]
            return _data(str(path), splits, tuple(str(int(label)) for label in classes), (), seed)
    raise UsageError(
        f"--data: {path} contains {', '.join(found) or 'nothing'}; expected images and labels, "
        "or x_train, y_train, x_test and y_test"
    )


def _numbered(values: Tensor, labels: Tensor, path: Path) -> Samples:
    labels = labels.flatten()
    if labels.is_floating_point() or len(values) != len(labels):
        raise UsageError(f"--data: {path}: labels must be integers, one for each of the {len(values)} images")
    return Samples(_as_floats(values), labels.long())


def _as_floats(values: Tensor) -> Tensor:
    return values.float() / 255 if values.dtype == torch.uint8 else values.float()


def _from_factory(source: str, seed: int) -> Data:
    """The result of a user's function: (values, class) pairs, or a tuple of two such sets (training, validation)."""
    module, _, name = source.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        result = getattr(importlib.import_module(module), name)()
        datasets = list(result) if isinstance(result, tuple) and len(result) == 2 else [result]
        splits = [_collected(dataset) for dataset in datasets]
    except Exception as error:
        raise UsageError(f"--data: {source} failed: {error_text(error)}") from error
    number = 1 + max(int(split.labels.max()) for split in splits)
    return _data(source, splits, tuple(map(str, range(number))), (), seed)


def _collected(pairs: Iterable[tuple[Any, Any]]) -> Samples:
    values, labels = zip(*((torch.as_tensor(value), int(label)) for value, label in pairs), strict=True)
    return Samples(_as_floats(torch.stack(values)), torch.tensor(labels))


def _check(data: Data) -> None:
    if len(data.classes) < 2:
        raise UsageError(f"--data: {data.name} has only one class, {data.classes[0]}; a classifier needs at least two")
    counts = torch.cat([data.train.labels, data.validation.labels]).bincount(minlength=len(data.classes))
    fewest = int(counts.argmin())
    if counts[fewest] < _FEWEST:
        raise UsageError(
            f"--data: class {data.classes[fewest]} of {data.name} has {int(counts[fewest])} samples; "
            f"each class needs at least {_FEWEST}, one for training and one for validation"
        )


def _fitted(values: Tensor, shape: Shape) -> Tensor:
    """Convert samples to the shape of the model's input: channels are repeated or averaged, images resized."""
    if values.shape[1:] == shape:
        return values
    if len(shape) != 3:
        flat = values.flatten(1)
        if len(shape) == 1 and flat.shape[1] == shape[0]:
            return flat
        raise UsageError(f"--data: samples have shape {tuple(values.shape[1:])}, but the model takes {shape}")
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
    raise UsageError(f"--data: the model takes images, but samples have shape {tuple(values.shape[1:])}")


def _standardised(data: Data) -> Data:
    """Scale each channel to mean 0 and standard deviation 1 over the training split."""
    values = data.train.values
    over = [axis for axis in range(values.dim()) if axis != 1] if values.dim() > 2 else [0]
    mean, deviation = values.mean(over, keepdim=True), values.std(over, keepdim=True).clamp_min(1e-6)

    def standardise(samples: Samples) -> Samples:
        return replace(samples, values=(samples.values - mean) / deviation)

    return replace(data, train=standardise(data.train), validation=standardise(data.validation))


def _shared(data: Data) -> int:
    """The number of validation samples that are identical to a training sample."""
    known = set(_digests(data.train.values))
    return sum(digest in known for digest in _digests(data.validation.values))


def _digests(values: Tensor) -> list[bytes]:
    return [hashlib.blake2b(row.numpy().tobytes(), digest_size=16).digest() for row in values]
