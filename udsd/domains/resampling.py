"""Pictures at another size, and changes brought back from it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from udsd.domains.consistent import at_scale
from udsd.domains.domain import Restore
from udsd.images.resizing import resized
from udsd.images.windows import covering_windows

MOST_PIXELS = 64_000_000
"""Of an enlarged image that is restored in one piece; what is larger goes in bands, which bounds the memory."""

_OVERLAP = 256
"""Rows of the enlarged image that neighbouring bands share, and over which one leads into the other."""


def scaled(image: Tensor, scale: float) -> Tensor:
    """An image (B, C, H, W) at ``scale`` times its size, of at least one pixel."""
    height, width = (max(round(side * scale), 1) for side in image.shape[-2:])
    return resized(image, height, width).clamp_(-1, 1)


def add_change(image: Tensor, before: Tensor, after: Tensor, *, where: Tensor | None = None) -> Tensor:
    """Add a change that was made at another size to an image, in place.

    What the other size cannot show is not in the change, and so stays in the image.

    Args:
        image: (B, C, H, W) in [-1, 1].
        before: The same image at another size.
        after: What became of it; overwritten.
        where: How much of the change is added, (B, 1, H, W) in [0, 1]; everywhere all of it if None.
    """
    change = after.sub_(before)
    # One channel at a time: of a large image each copy in float32 is most of the memory it takes.
    for channel in range(image.shape[1]):
        part = resized(change[:, channel : channel + 1], *image.shape[-2:])
        image[:, channel : channel + 1] += part if where is None else part.mul_(where)
    return image.clamp_(-1, 1)


def restore_scaled(image: Tensor, scale: float, restore: Restore, most_pixels: int = MOST_PIXELS) -> Tensor:
    """Restore an image (B, 3, H, W) at ``scale`` times its size, in place: the change is brought back to its own.

    An image that would be larger than ``most_pixels`` when it is enlarged is restored in bands of rows. Each has
    statistics and a blur code of its own, which differ little over so many pixels, and leads softly into the next.
    """
    height, width = image.shape[-2:]
    if scale == 1:
        return restore(image, overwrite=True)
    if scale < 1 or height * width * scale**2 <= most_pixels:
        return _restore_whole(image, scale, restore)
    overlap = math.ceil(_OVERLAP / scale)
    most_rows = max(int(most_pixels / (scale**2 * width)), 2 * overlap)
    bands = [(window.start, window.stop) for window in covering_windows(height, most_rows, overlap)]
    shared = image[..., :0, :]
    for number, (top, bottom) in enumerate(bands):
        following = bands[number + 1][0] if number + 1 < len(bands) else bottom
        # The rows that were restored with the band before are needed as they came.
        band = torch.cat([shared, image[..., top + shared.shape[-2] : bottom, :]], dim=-2)
        steps = shared.shape[-2]
        ramp = image.new_ones(bottom - top, 1)
        ramp[:steps, 0] = torch.arange(1, steps + 1) / (steps + 1)
        shared = band[..., following - top :, :].clone()
        rows = image[..., top:bottom, :]
        torch.lerp(rows, _restore_whole(band, scale, restore), ramp, out=rows)
    return image


def _restore_whole(image: Tensor, scale: float, restore: Restore) -> Tensor:
    before = scaled(image, scale)
    return add_change(image, before, at_scale(restore, scale)(before))
