"""`resnet-lint metrics` on event files of TensorBoard, written byte by byte as TensorBoard's writer does."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_lint.front.run.csv_input import read
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import Epoch


def field(number: int, value: bytes) -> bytes:
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def simple(value: float) -> bytes:
    return b"\x15" + struct.pack("<f", value)


def tensor(value: float) -> bytes:
    return field(8, b"\x08\x01" + field(5, struct.pack("<f", value)))


def record(step: int, tag: str, value: bytes) -> bytes:
    event = b"\x09" + struct.pack("<d", 1.7e9) + bytes([16, step]) + field(5, field(1, field(1, tag.encode()) + value))
    return struct.pack("<Q", len(event)) + bytes(4) + event + bytes(4)


def write(folder: Path, *records: bytes) -> Path:
    path = folder / "events.out.tfevents.1700000000.host"
    path.write_bytes(b"".join(records))
    return path


@pytest.mark.parametrize("scalar", [simple, tensor])
def test_a_step_is_an_epoch(tmp_path: Path, scalar: Callable[[float], bytes]) -> None:
    path = write(
        tmp_path,
        *(
            record(1, "Loss/train", scalar(2.0)),
            record(1, "Loss/val", scalar(2.5)),
            record(1, "Accuracy/val", scalar(0.5)),
        ),
        *(
            record(2, "Loss/train", scalar(1.0)),
            record(2, "Loss/val", scalar(1.5)),
            record(2, "Accuracy/val", scalar(0.75)),
        ),
    )
    assert read(path) == read(tmp_path) == (Epoch(1, 2.0, 0.5, 2.5), Epoch(2, 1.0, 0.75, 1.5))


def test_the_scalar_epoch_of_lightning_counts(tmp_path: Path) -> None:
    steps = [
        *(record(49, "train_loss", simple(2.0)), record(49, "epoch", simple(0)), record(99, "train_loss", simple(1.0))),
        *(record(99, "epoch", simple(0)), record(99, "val_acc", simple(0.5))),
    ]
    assert read(write(tmp_path, *steps)) == (Epoch(0, 1.5, 0.5),)


def test_a_file_that_is_still_written(tmp_path: Path) -> None:
    whole = record(1, "loss", simple(2.0)) + record(1, "acc", simple(0.5))
    assert read(write(tmp_path, whole, whole[:20])) == (Epoch(1, 2.0, 0.5),)


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"label,prediction\n" * 9, "no scalars of a loss"), (record(1, "lr", simple(1)), "it has lr, step, epoch")],
)
def test_other_content_is_a_usage_error(tmp_path: Path, content: bytes, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        read(write(tmp_path, content))


@pytest.mark.parametrize(
    ("folders", "tags"),
    [
        (("train", "validation"), ("epoch_loss", "epoch_accuracy")),  # as Keras writes them
        (("Loss_train", "Loss_val"), ("Loss", "Accuracy")),  # as SummaryWriter.add_scalars does
    ],
)
def test_folders_of_splits(tmp_path: Path, folders: tuple[str, str], tags: tuple[str, str]) -> None:
    for folder, offset in zip(folders, (0.0, 0.5), strict=True):
        inside = tmp_path / folder
        inside.mkdir()
        losses = [record(step, tags[0], tensor(2.0 - step + offset)) for step in (0, 1)]
        write(inside, *losses, *(record(step, tags[1], tensor(0.25 + offset)) for step in (0, 1)))
    (tmp_path / "notes").mkdir()
    assert read(tmp_path) == (Epoch(0, 2.0, 0.75, 2.5), Epoch(1, 1.0, 0.75, 1.5))
