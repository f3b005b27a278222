"""What a camera and a file make of an image: noise, sharpening, JPEG, and a picture that is stored small."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.degradation.jpeg import through_jpeg
from udsd.degradation.kernels import gaussian_kernels
from udsd.degradation.tensor_jpeg import compress_some
from udsd.images.levels import to_levels, to_pixels
from udsd.images.resizing import resized

_SHARPENING_SIGMA, _SHARPENING_REACH = 1.3, 4
"""Of the Gaussian that a camera's unsharp mask softens by, in pixels."""


def taken(
    images: Tensor,
    noise: Tensor,
    qualities: Mapping[int, int],
    sharpening: Tensor | None = None,
    *,
    rounded: bool = False,
) -> Tensor:
    """Add noise to images, limit them to their range as a sensor does, sharpen them, and compress some as JPEG.

    On the CPU Pillow compresses; elsewhere tensor operations do (`udsd.degradation.tensor_jpeg`), so that results
    differ a little.

    Args:
        images: (B, C, H, W) in [-1, 1].
        noise: Of the same shape and in the same units.
        qualities: JPEG quality of those that are compressed, by their index in the batch.
        sharpening: (B,), the part of its difference to the softened image that is added to each; None for none.
        rounded: Round the result to grey levels of 255, as a file holds them.

    Returns:
        (B, C, H, W) in [-1, 1].
    """
    images = (images + noise).clamp(-1, 1)
    if sharpening is not None:
        images = _sharpened(images, sharpening)
    if images.device.type != "cpu":
        images = compress_some(images, qualities)
    else:
        for index, quality in qualities.items():
            images[index] = through_jpeg(images[index], quality)
    return to_pixels(to_levels(images)) if rounded else images


def taken_small(
    images: Tensor, noise: Tensor, qualities: Mapping[int, int], factor: float, sharpening: Tensor | None = None
) -> Tensor:
    """What a network is shown of pictures that were stored at ``1 / factor`` of the size of these, and enlarged for it.

    Noise, sharpening and JPEG are those of the small picture, whose pixels are rounded to grey levels. As when a model
    is used (`udsd.domains.resampling`), nothing is rounded after it is enlarged.

    Args:
        images: (B, C, H, W) in [-1, 1], of the size that the network is shown.
        noise: Of the same shape. The small picture has so much of it as it has pixels.
        qualities: As for `taken`.
        factor: At least 1.
        sharpening: As for `taken`.

    Returns:
        (B, C, H, W) in [-1, 1].
    """
    height, width = images.shape[-2:]
    small_height, small_width = (max(round(side / factor), 1) for side in (height, width))
    small = resized(images, small_height, small_width).clamp(-1, 1)
    small = taken(small, noise[..., :small_height, :small_width], qualities, sharpening, rounded=True)
    return resized(small, height, width).clamp(-1, 1)


def _sharpened(images: Tensor, amounts: Tensor) -> Tensor:
    """Images (B, C, H, W) in [-1, 1] through unsharp masks of the amounts (B,)."""
    channels = images.shape[1]
    kernel = gaussian_kernels(torch.tensor([_SHARPENING_SIGMA]), 2 * _SHARPENING_REACH + 1)
    kernel = kernel.to(images.device, non_blocking=True)
    soft = F.conv2d(
        F.pad(images, [_SHARPENING_REACH] * 4, mode="replicate"), kernel.expand(channels, 1, -1, -1), groups=channels
    )
    return (images + amounts[:, None, None, None] * (images - soft)).clamp(-1, 1)
