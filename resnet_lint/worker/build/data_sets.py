"""Replaces torchvision's data sets by blank images of the same size, and images that are not there by blank ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from inspect import Signature, signature
from typing import Any
from unittest import mock

import torch

from ..outside import OUTSIDE


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
    names = {kind.__name__ for kind in type(value).__mro__ if kind.__module__.startswith("torchvision.")}
    return "ImageFolder" in names or not names.isdisjoint(_DATA_SETS)


@contextmanager
def data_sets_made_up() -> Iterator[None]:
    """Inside the with block, torchvision's data sets and images need no files."""
    with ExitStack() as stack:
        for owner, name, replacement in list(_replacements()):
            stack.enter_context(mock.patch.object(owner, name, replacement, create=True))
        yield


def _replacements() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """What to replace of the modules that the script has imported: owner, name and replacement."""
    datasets, image = sys.modules.get("torchvision.datasets"), sys.modules.get("PIL.Image")
    kinds = {name: getattr(datasets, name, None) for name in (*_DATA_SETS, "ImageFolder")}
    for name, kind in kinds.items():
        if isinstance(kind, type):
            methods = _methods(_DATA_SETS[name], signature(kind)) if name in _DATA_SETS else _methods_of_folder(kind)
            yield from ((kind, method, replacement) for method, replacement in methods.items())
    if image is not None:
        yield image, "open", _opened_by(image.open)


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
        return _sample(self, pictures.mode, pictures.sizes)

    return {"__init__": init, "__getitem__": item, "__len__": lambda self: self.number}


def _methods_of_folder(kind: Any) -> dict[str, Callable[..., Any]]:
    """Those of `ImageFolder`, for a folder that is not there: its classes are numbers from outside."""
    constructor, init_of_files, item_of_files, length = signature(kind), kind.__init__, kind.__getitem__, kind.__len__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        with suppress(OSError, RuntimeError):
            return init_of_files(self, *args, **kwargs)  # type: ignore[no-any-return]
        given = constructor.bind_partial(*args, **kwargs).arguments
        vars(self).clear()
        self.root, self.without_files = given.get("root"), True
        self.transform, self.target_transform = given.get("transform"), given.get("target_transform")
        return None

    def missing(self: Any, name: str) -> Any:
        if name not in _OF_FOLDER or "without_files" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return _OF_FOLDER[name]([f"class {number}" for number in range(OUTSIDE.guess("classes"))])

    def item(self: Any, index: int) -> Any:
        is_made_up = "without_files" in vars(self)
        return _sample(self, "RGB", _OF_MANY_SIZES) if is_made_up else item_of_files(self, index)

    def number(self: Any) -> int:
        return _IN_FOLDER if "without_files" in vars(self) else length(self)

    return {"__init__": init, "__getattr__": missing, "__getitem__": item, "__len__": number}


_IN_FOLDER = 1024
_OF_FOLDER: Mapping[str, Callable[[list[str]], Any]] = {
    "classes": lambda names: names,
    "class_to_idx": lambda names: {name: number for number, name in enumerate(names)},
    "targets": lambda names: [number % len(names) for number in range(_IN_FOLDER)],
    "samples": lambda names: [(f"{number}.jpg", number % len(names)) for number in range(_IN_FOLDER)],
    "imgs": lambda names: [(f"{number}.jpg", number % len(names)) for number in range(_IN_FOLDER)],
}


def _opened_by(original: Callable[..., Any]) -> Callable[..., Any]:
    """`PIL.Image.open`; an image that is not there has a size from outside."""

    def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(file, *args, **kwargs)
        except FileNotFoundError:
            OUTSIDE.read()
            return sys.modules["PIL.Image"].new("RGB", _OF_MANY_SIZES[OUTSIDE.trial])

    return opened


def _sample(data: Any, mode: str, sizes: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
    images = [_prepared(data.transform, mode, size) for size in sizes]
    if len({getattr(image, "shape", None) for image in images}) > 1:
        raise UnknownSizeError("the size of the pictures is not known")
    target = 0
    return images[0], data.target_transform(target) if data.target_transform is not None else target


def _prepared(transform: Callable[[Any], Any] | None, mode: str, size: tuple[int, int]) -> Any:
    from PIL import Image

    image = Image.new(mode, size)
    return transform(image) if transform is not None else image
