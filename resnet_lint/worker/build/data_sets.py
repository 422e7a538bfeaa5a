"""Replaces torchvision's data sets by blank images of the same size, without files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from unittest import mock

_PICTURES = 1024  # the length of every data set


@dataclass(frozen=True)
class _Picture:
    """The images of a data set: Pillow's mode, width and height, and the number of classes."""

    mode: str
    sizes: tuple[tuple[int, int], ...]
    classes: int


_GREY_28 = _Picture("L", ((28, 28),), 10)
_OF_MANY_SIZES = ((500, 375), (333, 500))

_DATA_SETS: Mapping[str, _Picture] = {
    "MNIST": _GREY_28,
    "FashionMNIST": _GREY_28,
    "KMNIST": _GREY_28,
    "QMNIST": _GREY_28,
    "EMNIST": _Picture("L", ((28, 28),), 47),
    "USPS": _Picture("L", ((16, 16),), 10),
    "CIFAR10": _Picture("RGB", ((32, 32),), 10),
    "CIFAR100": _Picture("RGB", ((32, 32),), 100),
    "SVHN": _Picture("RGB", ((32, 32),), 10),
    "STL10": _Picture("RGB", ((96, 96),), 10),
    "GTSRB": _Picture("RGB", _OF_MANY_SIZES, 43),
    "Food101": _Picture("RGB", _OF_MANY_SIZES, 101),
    "Flowers102": _Picture("RGB", _OF_MANY_SIZES, 102),
    "OxfordIIITPet": _Picture("RGB", _OF_MANY_SIZES, 37),
    "ImageNet": _Picture("RGB", _OF_MANY_SIZES, 1000),
}


class UnknownSizeError(Exception):
    """The images of a data set differ in size, and the script does not resize them."""


@contextmanager
def data_sets_made_up() -> Iterator[None]:
    """Inside the with block, torchvision's data sets need no files; a no-op if torchvision is not imported."""
    datasets = sys.modules.get("torchvision.datasets")
    with ExitStack() as stack:
        for name, picture in _DATA_SETS.items() if datasets is not None else ():
            kind = getattr(datasets, name, None)
            if isinstance(kind, type):
                for method, replacement in _methods(picture).items():
                    stack.enter_context(mock.patch.object(kind, method, replacement, create=True))
        yield


def _methods(picture: _Picture) -> dict[str, Callable[..., Any]]:
    def init(self: Any, root: Any = None, *args: Any, **kwargs: Any) -> None:
        self.root = root
        self.transform, self.target_transform = kwargs.get("transform"), kwargs.get("target_transform")
        for value in args:
            if callable(value) and self.transform is None:
                self.transform = value
        names = [str(number) for number in range(picture.classes)]
        targets = [number % picture.classes for number in range(_PICTURES)]
        indices = {name: number for number, name in enumerate(names)}
        for name, value in (("classes", names), ("class_to_idx", indices), ("targets", targets), ("labels", targets)):
            with suppress(AttributeError):  # a property of some data sets
                setattr(self, name, value)

    def item(self: Any, index: int) -> tuple[Any, Any]:
        images = [_prepared(self.transform, picture.mode, size) for size in picture.sizes]
        if len({getattr(image, "shape", None) for image in images}) > 1:
            raise UnknownSizeError("the size of the pictures is not known")
        target = 0
        return images[0], self.target_transform(target) if self.target_transform is not None else target

    return {"__init__": init, "__getitem__": item, "__len__": lambda self: _PICTURES}


def _prepared(transform: Callable[[Any], Any] | None, mode: str, size: tuple[int, int]) -> Any:
    from PIL import Image

    image = Image.new(mode, size)
    return transform(image) if transform is not None else image
