"""Blur larger than an estimator knows: images are made smaller until the blur is within its range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from udsd.degradation import BlurSet
from udsd.estimation.estimator import BlurEstimator
from udsd.estimation.folders import typical_extent
from udsd.estimation.luminance import Luminance

_SMALLEST_SIDE = 96
"""Pixels below which an image is not made smaller."""

_AGREEMENT = 1.3
"""Two estimates agree if the extent of neither is more than this many times the other's."""

_LEAST_EXTENT = 1.0
"""Pixels; below it sizes of blur say nothing."""


def estimate_at_any_scale(estimator: BlurEstimator, image: Luminance, seed: int = 0) -> BlurSet:
    """Estimate the blur of an image, which may be larger than the estimator's largest.

    The largest scale counts at which the estimate agrees with that at half the size: beyond the range of the estimator
    they fall apart. Noise and JPEG quality are those of the image as it is.

    Args:
        estimator: For kernels of up to 81 pixels.
        image: (H, W), from 0 to 255.
        seed: As for `BlurEstimator.estimate`.

    Returns:
        One blur, in pixels of the image as it is.
    """
    first = estimator.estimate([image], seed)
    found, scale = first, 1
    while min(image.shape) >= 2 * _SMALLEST_SIDE:
        image = _halved(image)
        smaller = estimator.estimate([image], seed)
        here, there = typical_extent(found), 2 * typical_extent(smaller)
        if there <= max(_AGREEMENT * here, 2 * _LEAST_EXTENT):
            break
        found, scale = smaller, 2 * scale
    return replace(
        found,
        paths=found.paths * scale,
        radii=found.radii * scale,
        sigmas=found.sigmas * scale,
        noise=first.noise,
        qualities=first.qualities,
    )


def _halved(image: Luminance) -> Luminance:
    return np.array(Image.fromarray(image).reduce(2), dtype=np.float32)
