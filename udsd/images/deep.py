"""Colour images of 16 bits, which Pillow cannot hold; with them, what a page of a file can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True, eq=False)
class DeepImage:
    """A colour image of 16 bits a channel.

    Attributes:
        pixels: uint16, RGB (H, W, 3) or RGBA (H, W, 4).
        info: What is carried over beside the pixels, as in `PIL.Image.Image.info`.
    """

    pixels: NDArray[np.uint16]
    info: dict[str, Any]

    def to_pillow(self) -> Image.Image:
        """Rounded to 8 bits."""
        image = Image.fromarray(np.rint(self.pixels / 257).astype(np.uint8))
        image.info.update(self.info)
        return image


Page: TypeAlias = Image.Image | DeepImage
"""One image of a file: the only one of a photograph, a page of a TIFF, a frame of an animation."""
