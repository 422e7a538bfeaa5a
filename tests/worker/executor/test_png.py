"""Samples as PNG: Pillow reads the same pixels."""

from __future__ import annotations

import base64
import io

import numpy
import torch
from PIL import Image

from resnet_lint.worker.executor.png import as_png


def pixels(png: str | None) -> list[object]:
    assert png is not None
    found: list[object] = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(png)))).tolist()
    return found


def test_grey_is_scaled_to_its_own_range() -> None:
    assert pixels(as_png(torch.tensor([[[-1.0, 0.0], [1.0, 1.0]]]))) == [[0, 128], [255, 255]]


def test_three_channels_are_rgb() -> None:
    assert pixels(as_png(torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1))) == [[[0, 128, 255]]]


def test_large_images_are_thinned_out() -> None:
    assert len(pixels(as_png(torch.rand(2, 300, 200)))) == 100


def test_other_samples_have_no_picture() -> None:
    assert as_png(torch.rand(12)) is None
