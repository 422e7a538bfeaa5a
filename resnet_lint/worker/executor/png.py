"""Encodes samples as PNG, without an image library."""

from __future__ import annotations

import base64
import struct
import zlib

import torch
from torch import Tensor

_GREY, _RGB = 0, 2
_MOST_PIXELS = 128  # per side


def as_png(values: Tensor) -> str | None:
    """A sample of shape (C, H, W) as a PNG in base64, scaled to its own range; None for other shapes.

    Samples of three channels are RGB; of others, the mean of the channels is shown.
    """
    if values.dim() != 3 or not values.numel():
        return None
    shrink = -(-max(values.shape[1:]) // _MOST_PIXELS)
    image = values[:, ::shrink, ::shrink].float().cpu()
    image = image if len(image) == 3 else image.mean(0, keepdim=True)
    low, high = image.min(), image.max()
    pixels = ((image - low) / (high - low).clamp_min(1e-12) * 255).round().to(torch.uint8)
    channels, rows, columns = pixels.shape
    lines = pixels.permute(1, 2, 0).reshape(rows, columns * channels)
    data = b"".join(b"\0" + bytes(line) for line in lines.tolist())  # 0: no filter
    header = struct.pack(">IIBBBBB", columns, rows, 8, _RGB if channels == 3 else _GREY, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(data)), _chunk(b"IEND", b""))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
