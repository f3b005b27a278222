"""Crops of images that are shown larger or smaller than they are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Scales = tuple[float, float]
"""Smallest and largest factor that images are enlarged by; below 1 they are shrunk."""

AS_THEY_ARE: Scales = (1.0, 1.0)


def draw_scale(scales: Scales, random: np.random.Generator) -> float:
    """A factor from a range, its logarithm uniform. A range of one factor draws nothing: seeds keep their meaning."""
    low, high = scales
    return low if low == high else math.exp(random.uniform(math.log(low), math.log(high)))


def unscaled(size: int, margin: int, scale: float) -> tuple[int, int]:
    """Side and margin, in pixels of the image as it is, of a crop of the image enlarged by ``scale``.

    The crop with its margins is rounded to whole pixels, at least one.
    """
    inner_margin = round(margin / scale)
    return max(1, round((size + 2 * margin) / scale) - 2 * inner_margin), inner_margin


def resized(levels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A square of grey levels (S, S, 3) as (side, side, 3): enlarged by bicubic interpolation, shrunk by area."""
    if len(levels) == side:
        return levels
    method = Image.Resampling.BICUBIC if side > len(levels) else Image.Resampling.BOX
    return np.array(Image.fromarray(np.ascontiguousarray(levels)).resize((side, side), method))
