"""Replaces torchvision's data sets by blank images of the same size, without files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from inspect import Signature, signature
from typing import Any
from unittest import mock

import torch


@dataclass(frozen=True)
class _Pictures:
    """The images of a data set: Pillow's mode, widths and heights, the numbers of classes and of images.

    `kept` says how the attribute `data` keeps them all, for data sets that have it.
    """

    mode: str
    sizes: tuple[tuple[int, int], ...]
    classes: int
    for_training: int
    for_tests: int
    kept: Callable[[int, int, list[int]], tuple[Any, Any]] | None = None

    def number(self, given: Mapping[str, Any]) -> int:
        """The number of images of the split that the arguments of the constructor name."""
        split = given.get("train", given.get("split", True))
        return self.for_tests if split in (False, "test", "val", "valid") else self.for_training


def _as_tensors(number: int, side: int, targets: list[int]) -> tuple[Any, Any]:
    blank = torch.zeros(number, side, side, dtype=torch.uint8, device="cpu")
    return blank, torch.tensor(targets, device="cpu")


def _as_array(number: int, side: int, targets: list[int]) -> tuple[Any, Any]:
    import numpy

    return numpy.zeros((number, side, side), numpy.uint8), targets


def _as_array_of_pixels(number: int, side: int, targets: list[int]) -> tuple[Any, Any]:
    import numpy

    return numpy.zeros((number, side, side, 3), numpy.uint8), targets


def _as_array_of_channels(number: int, side: int, targets: list[int]) -> tuple[Any, Any]:
    import numpy

    return numpy.zeros((number, 3, side, side), numpy.uint8), numpy.array(targets)


_OF_DIGITS = _Pictures("L", ((28, 28),), 10, 60_000, 10_000, _as_tensors)
_OF_MANY_SIZES = ((500, 375), (333, 500))

_DATA_SETS: Mapping[str, _Pictures] = {
    "MNIST": _OF_DIGITS,
    "FashionMNIST": _OF_DIGITS,
    "KMNIST": _OF_DIGITS,
    "QMNIST": _OF_DIGITS,
    "EMNIST": _Pictures("L", ((28, 28),), 47, 112_800, 18_800, _as_tensors),
    "USPS": _Pictures("L", ((16, 16),), 10, 7291, 2007, _as_array),
    "CIFAR10": _Pictures("RGB", ((32, 32),), 10, 50_000, 10_000, _as_array_of_pixels),
    "CIFAR100": _Pictures("RGB", ((32, 32),), 100, 50_000, 10_000, _as_array_of_pixels),
    "SVHN": _Pictures("RGB", ((32, 32),), 10, 73_257, 26_032, _as_array_of_channels),
    "STL10": _Pictures("RGB", ((96, 96),), 10, 5000, 8000, _as_array_of_channels),
    "GTSRB": _Pictures("RGB", _OF_MANY_SIZES, 43, 26_640, 12_630),
    "Food101": _Pictures("RGB", _OF_MANY_SIZES, 101, 75_750, 25_250),
    "Flowers102": _Pictures("RGB", _OF_MANY_SIZES, 102, 1020, 6149),
    "OxfordIIITPet": _Pictures("RGB", _OF_MANY_SIZES, 37, 3680, 3669),
    "ImageNet": _Pictures("RGB", _OF_MANY_SIZES, 1000, 1_281_167, 50_000),
}


class UnknownSizeError(Exception):
    """The images of a data set differ in size, and the script does not resize them."""


def is_made_up(value: object) -> bool:
    """Whether a value is one of these data sets, which lacks what only its files would tell."""
    return any(
        kind.__module__.startswith("torchvision.") and kind.__name__ in _DATA_SETS for kind in type(value).__mro__
    )


@contextmanager
def data_sets_made_up() -> Iterator[None]:
    """Inside the with block, torchvision's data sets need no files; a no-op if torchvision is not imported."""
    datasets = sys.modules.get("torchvision.datasets")
    with ExitStack() as stack:
        for name, pictures in _DATA_SETS.items() if datasets is not None else ():
            kind = getattr(datasets, name, None)
            if isinstance(kind, type):
                for method, replacement in _methods(pictures, signature(kind)).items():
                    stack.enter_context(mock.patch.object(kind, method, replacement, create=True))
        yield


def _methods(pictures: _Pictures, constructor: Signature) -> dict[str, Callable[..., Any]]:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        given = constructor.bind_partial(*args, **kwargs).arguments
        self.root, self.number = given.get("root"), pictures.number(given)
        self.transform, self.target_transform = given.get("transform"), given.get("target_transform")
        targets: Any = [number % pictures.classes for number in range(self.number)]
        if pictures.kept is not None:
            self.data, targets = pictures.kept(self.number, pictures.sizes[0][0], targets)
        names = [str(number) for number in range(pictures.classes)]
        indices = {name: number for number, name in enumerate(names)}
        for name, value in (("classes", names), ("class_to_idx", indices), ("targets", targets), ("labels", targets)):
            with suppress(AttributeError):  # a property of some data sets
                setattr(self, name, value)

    def item(self: Any, index: int) -> tuple[Any, Any]:
        images = [_prepared(self.transform, pictures.mode, size) for size in pictures.sizes]
        if len({getattr(image, "shape", None) for image in images}) > 1:
            raise UnknownSizeError("the size of the pictures is not known")
        target = 0
        return images[0], self.target_transform(target) if self.target_transform is not None else target

    return {"__init__": init, "__getitem__": item, "__len__": lambda self: self.number}


def _prepared(transform: Callable[[Any], Any] | None, mode: str, size: tuple[int, int]) -> Any:
    from PIL import Image

    image = Image.new(mode, size)
    return transform(image) if transform is not None else image
