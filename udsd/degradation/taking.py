"""What a camera and a file make of the light of an image: noise, JPEG, and a picture that is stored small."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from udsd.degradation.jpeg import through_jpeg
from udsd.degradation.tensor_jpeg import compress_some
from udsd.images.levels import to_levels, to_pixels
from udsd.images.resizing import resized


def taken(images: Tensor, noise: Tensor, qualities: Mapping[int, int], *, rounded: bool = False) -> Tensor:
    """Add noise to images, limit them to their range as a sensor does, and compress some as JPEG.

    On the CPU Pillow compresses; elsewhere tensor operations do (`udsd.degradation.tensor_jpeg`), so that results
    differ a little.

    Args:
        images: (B, C, H, W) in [-1, 1].
        noise: Of the same shape and in the same units.
        qualities: JPEG quality of those that are compressed, by their index in the batch.
        rounded: Round the result to grey levels of 255, as a file holds them.

    Returns:
        (B, C, H, W) in [-1, 1].
    """
    images = (images + noise).clamp(-1, 1)
    if images.device.type != "cpu":
        images = compress_some(images, qualities)
    else:
        for index, quality in qualities.items():
            images[index] = through_jpeg(images[index], quality)
    return to_pixels(to_levels(images)) if rounded else images


def taken_small(images: Tensor, noise: Tensor, qualities: Mapping[int, int], factor: float) -> Tensor:
    """What a network is shown of pictures that were stored at ``1 / factor`` of the size of these, and enlarged for it.

    Noise and JPEG are those of the small picture, whose pixels are rounded to grey levels. As when a model is used
    (`udsd.domains.resampling`), nothing is rounded after it is enlarged.

    Args:
        images: (B, C, H, W) in [-1, 1], of the size that the network is shown.
        noise: Of the same shape. The small picture has so much of it as it has pixels.
        qualities: As for `taken`.
        factor: At least 1.

    Returns:
        (B, C, H, W) in [-1, 1].
    """
    height, width = images.shape[-2:]
    small_height, small_width = (max(round(side / factor), 1) for side in (height, width))
    small = resized(images, small_height, small_width).clamp(-1, 1)
    small = taken(small, noise[..., :small_height, :small_width], qualities, rounded=True)
    return resized(small, height, width).clamp(-1, 1)
