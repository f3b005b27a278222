"""Images as what blur is read from: parts of their luminance."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from udsd.errors import ImageError, MemoryLimitError
from udsd.estimation.signature import WINDOW
from udsd.images import decode_image
from udsd.images.levels import to_levels

logger = logging.getLogger(__name__)

Luminance = NDArray[np.float32]

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
NOISE_SHARE = (_RED**2 + _GREEN**2 + _BLUE**2) ** 0.5
"""Standard deviation of the luminance where each channel has noise of its own, of standard deviation 1."""

_GRID = 8
"""Parts begin at multiples of it, so that the grid of JPEG's blocks is where it is in the image."""

_TRIES = 6
SMALLEST_SIDE = 16
"""Pixels; there is nothing to be read in less."""


def luminance(pixels: Tensor) -> Luminance:
    """Luminance (H, W) from 0 to 255 of pixels (3, H, W) in [-1, 1], of rounded levels as in a file of 8 bits."""
    red, green, blue = to_levels(pixels).cpu().numpy().astype(np.float32)
    return np.asarray(_RED * red + _GREEN * green + _BLUE * blue, dtype=np.float32)


def read_luminances(files: Sequence[Path], most: int, random: np.random.Generator) -> list[Luminance]:
    """Luminances of some files, drawn at random where there are more; what cannot be read is told and left out."""
    found: list[Luminance] = []
    for index in random.permutation(len(files)):
        if len(found) == most:
            break
        try:
            image = luminance(decode_image(files[int(index)]).pixels[0])
        except (ImageError, MemoryLimitError) as error:
            logger.warning("an image is left out: %s", error)
            continue
        if min(image.shape) >= SMALLEST_SIDE:
            found.append(image)
    return found


def busiest_part(image: Luminance, random: np.random.Generator, margin: int = 0) -> Luminance:
    """Of a few random parts of an image of up to 256 x 256 px the one of most contrast.

    Args:
        image: (H, W).
        random: Source of all randomness.
        margin: Pixels around it that are given as well, mirrored at the border where the image ends.
    """
    height, width = (min(side, WINDOW) for side in image.shape)
    best, best_contrast = (0, 0), -1.0
    for _ in range(_TRIES if image.size > height * width else 1):
        top, left = (
            int(random.integers((side - part) // _GRID + 1)) * _GRID
            for side, part in zip(image.shape, (height, width), strict=True)
        )
        contrast = float(image[top : top + height, left : left + width].std())
        if contrast > best_contrast:
            best, best_contrast = (top, left), contrast
    top, left = best
    rows, columns = (top - margin, top + height + margin), (left - margin, left + width + margin)
    inside = image[max(rows[0], 0) : rows[1], max(columns[0], 0) : columns[1]]
    beyond = [
        (max(-first, 0), max(end - side, 0)) for (first, end), side in zip((rows, columns), image.shape, strict=True)
    ]
    return np.pad(inside, beyond, mode="symmetric") if margin else inside
