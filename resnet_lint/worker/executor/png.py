"""Encodes samples as PNG."""

from __future__ import annotations

import base64
import io

import torch
from torch import Tensor

_MOST_PIXELS = 128  # per side


def as_png(values: Tensor) -> str | None:
    """A sample of shape (C, H, W) as a PNG in base64, scaled to its own range; None without Pillow or that shape.

    Samples of three channels are RGB; of others, the mean of the channels is shown.
    """
    try:
        from PIL import Image
    except ImportError:
        return None
    if values.dim() != 3 or not values.numel():
        return None
    shrink = -(-max(values.shape[1:]) // _MOST_PIXELS)
    image = values[:, ::shrink, ::shrink].float().cpu()
    image = image if len(image) == 3 else image.mean(0, keepdim=True)
    low, high = image.min(), image.max()
    pixels = ((image - low) / (high - low).clamp_min(1e-12) * 255).round().to(torch.uint8)
    channels, rows, columns = pixels.shape
    lines = bytes(pixels.permute(1, 2, 0).flatten().tolist())
    png = io.BytesIO()
    Image.frombytes("RGB" if channels == 3 else "L", (columns, rows), lines).save(png, "PNG")
    return base64.b64encode(png.getvalue()).decode()
