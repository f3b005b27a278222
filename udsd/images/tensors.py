"""Between the range of the networks and pictures of 8 bits."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_pillow(pixels: Tensor) -> Image.Image:
    """Turn pixels (3, H, W) in [-1, 1], limited to that range, into an 8-bit RGB image."""
    levels = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def through_jpeg(pixels: Tensor, quality: int) -> Tensor:
    """Compress pixels (3, H, W) in [-1, 1] as JPEG of a quality from 1 to 100, and read them again, on the CPU."""
    buffer = io.BytesIO()
    to_pillow(pixels).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        levels = torch.from_numpy(np.array(image.convert("RGB")))
    return levels.permute(2, 0, 1).float() / 127.5 - 1
