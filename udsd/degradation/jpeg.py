"""What JPEG does to an image."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from udsd.images.levels import from_array, to_pillow


def through_jpeg(pixels: Tensor, quality: int) -> Tensor:
    """Compress pixels (3, H, W) in [-1, 1] as JPEG of a quality from 1 to 100, and read them again, on the CPU."""
    buffer = io.BytesIO()
    to_pillow(pixels).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return from_array(np.array(image.convert("RGB")))[0]


def grey_through_jpeg(levels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress grey levels (H, W) as JPEG of a quality from 1 to 100, and read them again."""
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.array(image)
