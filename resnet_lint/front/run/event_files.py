"""Reads the scalars of TensorBoard's event files: records of length, checksum and a protocol buffer of class Event.

Only the few fields of a scalar are needed, so this neither needs TensorBoard nor the library of protocol buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from resnet_lint.shared.errors import UsageError

_NAME = "tfevents"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STEP, _SUMMARY = 2, 5  # of Event
_VALUE = 1  # of Summary
_TAG, _SIMPLE_VALUE, _TENSOR = 1, 2, 8  # of Summary.Value
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "val"}
_FLOAT_VALUES, _CONTENT = 5, 4  # of Tensor

Row = dict[str | None, object]


def is_events(path: Path) -> bool:
    """Whether a path is an event file, or a folder with some."""
    return _NAME in path.name or bool(_files(path))


def _files(path: Path) -> list[tuple[Path, str]]:
    """The event files of a folder with their split: "" in the folder itself, that of the name of a folder inside, as
    in `train/` and `validation/` of Keras or `loss_train/` and `loss_val/` of `SummaryWriter.add_scalars`.
    """
    if not path.is_dir():
        return []
    folders = [(path, "")]
    for folder in sorted(path.iterdir()):
        split = _SPLITS.get(folder.name.lower().rpartition("_")[2])
        if split and folder.is_dir():
            folders.append((folder, split))
    return [(file, split) for folder, split in folders for file in sorted(folder.iterdir()) if _NAME in file.name]


def read_events(path: Path) -> list[Row]:
    """One row per step, with its scalars by tag: `loss/train` is `train_loss`, as in the files of Lightning.

    Raises UsageError if a file is not readable.
    """
    steps: dict[int, Row] = {}
    for file, split in _files(path) or [(path, "")]:
        try:
            for step, tag, value in _scalars(file.read_bytes()):
                steps.setdefault(step, {})[_column(tag, split)] = f"{value:.7g}"
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror}") from error
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} is not an event file of TensorBoard") from error
    return list(_with_epochs(steps))


def _with_epochs(steps: dict[int, Row]) -> Iterator[Row]:
    """The rows with their epoch: that of the scalar `epoch`, as Lightning writes it, else the number of the step."""
    has_epochs, epoch = any("epoch" in row for row in steps.values()), "0"
    for step, row in sorted(steps.items()):
        epoch = str(row.get("epoch", epoch)) if has_epochs else str(step)
        yield {**row, "step": str(step), "epoch": epoch}


def _column(tag: str, split: str) -> str:
    """The name of a column: `Loss/train` and `train/loss` are `train_loss`, `metrics/val_loss` is `val_loss`, and
    `epoch_loss` in a folder `validation/` is `val_loss`.
    """
    *_, first, last = ["", *tag.lower().split("/")]
    if split:
        first, last = split, last.removeprefix("epoch_")
    first, last = (last, first) if last in _SPLITS else (first, last)
    return f"{_SPLITS[first]}_{last}" if first in _SPLITS and last else last or first


def _scalars(data: bytes) -> Iterator[tuple[int, str, float]]:
    """The step, tag and value of each scalar; a last record that is incomplete is left out, as during a training."""
    position = 0
    while position + 12 <= len(data):
        [length] = struct.unpack_from("<Q", data, position)
        event = data[position + 12 : position + 12 + length]
        if len(event) < length:
            return
        position += length + 16
        fields = list(_fields(event))
        step = next((value for number, value in fields if number == _STEP), 0)
        for number, summary in fields:
            if number == _SUMMARY and isinstance(summary, bytes) and isinstance(step, int):
                yield from ((step, *scalar) for scalar in _values(summary))


def _values(summary: bytes) -> Iterator[tuple[str, float]]:
    for number, value in _fields(summary):
        if number != _VALUE or not isinstance(value, bytes):
            continue
        parts = dict(_fields(value))
        tag, scalar = parts.get(_TAG), parts.get(_SIMPLE_VALUE)
        tensor = parts.get(_TENSOR)
        if scalar is None and isinstance(tensor, bytes):
            inside = dict(_fields(tensor))
            scalar = inside.get(_FLOAT_VALUES, inside.get(_CONTENT))
        if isinstance(tag, bytes) and isinstance(scalar, bytes) and len(scalar) == 4:
            yield tag.decode(), struct.unpack("<f", scalar)[0]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: numbers as integers, all others as bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, position = _varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise IndexError(kind)
        yield key >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
