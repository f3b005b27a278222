"""From the networks' range to a picture."""

from __future__ import annotations

from PIL import Image
from torch import Tensor


def to_pillow(pixels: Tensor) -> Image.Image:
    """Turn pixels (3, H, W) in [-1, 1], limited to that range, into an 8-bit RGB image."""
    levels = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())
