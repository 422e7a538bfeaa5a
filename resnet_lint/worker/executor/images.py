"""Loads images from a folder of class folders; unreadable images are skipped and listed."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.extras import require
from resnet_lint.shared.records.places import Shape

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
_TRAINING = ("train", "training")
_VALIDATION = ("val", "valid", "validation", "test")
_MOST_NAMES = 5

Split = tuple[Tensor, Tensor]


def read_folder(folder: Path, shape: Shape) -> tuple[list[Split], tuple[str, ...], tuple[str, ...]]:
    """Load the images of a folder at a shape (C, H, W): the splits, the class names, and notes on skipped images.

    There are two splits if the folder has train/ and val/, else one. Raises UsageError if there is nothing to load.
    """
    require("PIL", "numpy")
    if len(shape) != 3:
        raise UsageError(f"--data: {folder} contains images, but the model takes inputs of shape {shape}")
    parts = [part for names in (_TRAINING, _VALIDATION) if (part := _part(folder, names)) is not None]
    roots = parts if len(parts) == 2 else [folder]
    classes = tuple(sorted({path.name for root in roots for path in _folders(root)}))
    if not classes:
        raise UsageError(f"--data: {folder} has no class folders; put the images of each class into a separate folder")
    unreadable: list[str] = []
    splits = [_read(root, classes, shape, unreadable) for root in roots]
    more = f" and {len(unreadable) - _MOST_NAMES} more" if len(unreadable) > _MOST_NAMES else ""
    names = ", ".join(unreadable[:_MOST_NAMES])
    notes = (f"unreadable images skipped ({len(unreadable)}): {names}{more}",) if unreadable else ()
    return splits, classes, notes


def _part(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read(root: Path, classes: tuple[str, ...], shape: Shape, unreadable: list[str]) -> Split:
    images, labels = [], []
    for folder in _folders(root):
        for path in sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES):
            image = _image(path, shape)
            if image is None:
                unreadable.append(str(path.relative_to(root)))
            else:
                images.append(image)
                labels.append(classes.index(folder.name))
    if not images:
        raise UsageError(f"--data: {root} has no readable images")
    return torch.stack(images).float() / 255, torch.tensor(labels)


def _image(path: Path, shape: Shape) -> Tensor | None:
    """An image as uint8 of shape (C, H, W); None if it cannot be read."""
    import numpy
    from PIL import Image

    channels, height, width = shape
    try:
        with Image.open(path) as opened:
            image = opened.convert("L" if channels == 1 else "RGB").resize((width, height))
    except (OSError, SyntaxError, ValueError):  # raised by Pillow for truncated files and other formats
        return None
    values = torch.from_numpy(numpy.array(image))
    return values.unsqueeze(0) if channels == 1 else values.permute(2, 0, 1)
