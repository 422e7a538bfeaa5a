"""Reads a folder of class folders; images that cannot be read are left out, named and counted."""

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
    """The images and classes of a folder, at the size of a model's input: one split, or two where the folder has
    train/ and val/; then the classes' names, and notes on what was left out. Raises UsageError.
    """
    require("PIL", "numpy")
    if len(shape) != 3:
        raise UsageError(f"--data: {folder} holds images, and the model takes {shape}")
    parts = [part for names in (_TRAINING, _VALIDATION) if (part := _part(folder, names)) is not None]
    roots = parts if len(parts) == 2 else [folder]
    classes = tuple(sorted({each.name for root in roots for each in _folders(root)}))
    if not classes:
        raise UsageError(
            f"--data: {folder} has no class folders; put the images of each class into a folder of its own"
        )
    broken: list[str] = []
    splits = [_read(root, classes, shape, broken) for root in roots]
    more = f" and {len(broken) - _MOST_NAMES} more" if len(broken) > _MOST_NAMES else ""
    notes = (f"{len(broken)} broken images left out: {', '.join(broken[:_MOST_NAMES])}{more}",) if broken else ()
    return splits, classes, notes


def _part(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _folders(root: Path) -> list[Path]:
    return sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith("."))


def _read(root: Path, classes: tuple[str, ...], shape: Shape, broken: list[str]) -> Split:
    images, labels = [], []
    for folder in _folders(root):
        for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES):
            image = _image(path, shape)
            if image is None:
                broken.append(str(path.relative_to(root)))
            else:
                images.append(image)
                labels.append(classes.index(folder.name))
    if not images:
        raise UsageError(f"--data: {root} has no image that can be read")
    return torch.stack(images).float() / 255, torch.tensor(labels)


def _image(path: Path, shape: Shape) -> Tensor | None:
    """An image as bytes, channels first; None where it cannot be read."""
    import numpy
    from PIL import Image

    channels, height, width = shape
    try:
        with Image.open(path) as opened:
            image = opened.convert("L" if channels == 1 else "RGB").resize((width, height))
    except (OSError, SyntaxError, ValueError):  # Pillow's own for files that are cut off or no images
        return None
    values = torch.from_numpy(numpy.array(image))
    return values.unsqueeze(0) if channels == 1 else values.permute(2, 0, 1)
