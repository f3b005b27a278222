"""Scores of a restored image against the sharp one.

Images are uint8 arrays (H, W, C) or (H, W) in 0 to 255; scores are floats. Every function raises `ImageError` when
its two images differ in shape, are not uint8, or are too small for the score.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import numpy.typing as npt

from udsd.errors import ImageError
from udsd.extras import require

Image = npt.NDArray[np.uint8]

MAX_PSNR = 100.0
"""PSNR in dB of identical images, for which it is infinite, so that means and differences stay finite."""

_PEAK = 255.0
_SSIM_WINDOW = 11
"""Side in pixels of the window of a Gaussian of sigma 1.5 (Wang et al., 2004)."""

SMALLEST_MEASURED = _SSIM_WINDOW
"""Pixels a side from which an image has every score."""


def psnr(restored: Image, sharp: Image) -> float:
    """Peak signal-to-noise ratio in dB, at most `MAX_PSNR`: 10 log10(255^2 / mean squared error)."""
    check_alike(restored, sharp)
    return _decibels(_mean_squared_error(_as_float64(restored), _as_float64(sharp)))


def shift_tolerant_psnr(restored: Image, sharp: Image, max_shift: int = 4) -> float:
    """PSNR in dB at the best whole-pixel shift, since blind deblurring does not determine the position of the result.

    All shifts of up to ``max_shift`` pixels along both sides are tried. The compared area is always the inner part
    of the sharp image, ``max_shift`` pixels away from each border: every shift is measured on the same pixels, and
    none gains by moving a difficult part out of the image. At shift zero the score can therefore differ a little
    from `psnr`.
    """
    check_alike(restored, sharp, smallest_side=2 * max_shift + 1)
    height, width = (side - 2 * max_shift for side in sharp.shape[:2])
    inner = _as_float64(sharp[max_shift : max_shift + height, max_shift : max_shift + width])
    moving = _as_float64(restored)
    shifts = product(range(2 * max_shift + 1), repeat=2)
    return _decibels(
        min(_mean_squared_error(moving[down : down + height, right : right + width], inner) for down, right in shifts)
    )


def ssim(restored: Image, sharp: Image) -> float:
    """Mean structural similarity, 1 for identical images, with the settings of Wang et al. (2004).

    Gaussian window of sigma 1.5 (11 pixels), K1 = 0.01, K2 = 0.03; colour images score the mean over their channels.

    Raises:
        ConfigError: scikit-image is not installed.
    """
    check_alike(restored, sharp, smallest_side=_SSIM_WINDOW)
    metrics = require("skimage.metrics", "scikit-image", "evaluate")
    score = metrics.structural_similarity(
        restored,
        sharp,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=_PEAK,
        channel_axis=-1 if sharp.ndim == 3 else None,
    )
    return float(score)


def mean_color_error(restored: Image, sharp: Image) -> float:
    """Mean over the channels of the absolute difference of the channel's means, in grey levels (0 to 255)."""
    check_alike(restored, sharp)
    return float(np.abs(restored.mean(axis=(0, 1)) - sharp.mean(axis=(0, 1))).mean())


def correlation(restored: Image, blurred: Image) -> float:
    """Pearson correlation in [-1, 1] of a restored image with its blurred input; below zero it is inverted.

    Each channel is centred on its own mean first: what counts is light against dark, not red against blue. An image
    of one flat colour correlates with nothing and scores 0.
    """
    check_alike(restored, blurred)
    first, second = (values - values.mean(axis=(0, 1)) for values in (restored, blurred))
    norm = math.sqrt(float(np.vdot(first, first)) * float(np.vdot(second, second)))
    return float(np.vdot(first, second)) / norm if norm > 0 else 0.0


def check_alike(first: Image, second: Image, smallest_side: int = 1) -> None:
    """Check that two images can be compared.

    Raises:
        ImageError: The shapes differ, an image is not uint8 (H, W) or (H, W, C), or a side is under
            ``smallest_side`` pixels.
    """
    if first.shape != second.shape:
        raise ImageError(f"images of shape {first.shape} and {second.shape}; give two of the same shape")
    for image in (first, second):
        if image.dtype != np.uint8 or image.ndim not in (2, 3):
            raise ImageError(f"an image is {image.dtype} of shape {image.shape}; give uint8 (H, W) or (H, W, C)")
    if min(first.shape[:2]) < smallest_side:
        height, width = first.shape[:2]
        raise ImageError(f"an image is {width}x{height} pixels; this score needs at least {smallest_side} a side")


def _as_float64(image: Image) -> npt.NDArray[np.float64]:
    """Double precision, in which squares of whole numbers are summed exactly, and faster than as integers."""
    return image.astype(np.float64)


def _mean_squared_error(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    difference = first - second
    return float(np.vdot(difference, difference)) / difference.size


def _decibels(mean_squared_error: float) -> float:
    if mean_squared_error == 0:
        return MAX_PSNR
    return min(10 * math.log10(_PEAK**2 / mean_squared_error), MAX_PSNR)
