"""Between grey levels from 0 to 255 and the range [-1, 1] of the networks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_HALF_RANGE = 127.5

GREY_LEVEL = 1 / _HALF_RANGE
"""One grey level of 255 in the range [-1, 1]."""


def to_pixels(levels: Tensor) -> Tensor:
    """Grey levels of uint8, of any shape and on any device, as float32 in [-1, 1]."""
    return levels.float() / _HALF_RANGE - 1


def to_levels(pixels: Tensor) -> Tensor:
    """Pixels in [-1, 1], limited to that range, as uint8 rounded to nearest; the shape and device are kept."""
    return ((pixels.detach().float().clamp(-1, 1) + 1) * _HALF_RANGE).round().to(torch.uint8)


def from_array(image: NDArray[np.uint8]) -> Tensor:
    """An RGB image (H, W, 3) as pixels (1, 3, H, W)."""
    return to_pixels(torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None])


def to_array(pixels: Tensor) -> NDArray[np.uint8]:
    """Pixels (3, H, W) as an RGB image (H, W, 3), on the CPU."""
    levels: NDArray[np.uint8] = to_levels(pixels).permute(1, 2, 0).contiguous().cpu().numpy()
    return levels


def to_pillow(pixels: Tensor) -> Image.Image:
    """Pixels (3, H, W) as an RGB image."""
    return Image.fromarray(to_array(pixels))
