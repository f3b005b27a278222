"""Pictures at another size, and changes brought back from it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from udsd.domains.domain import Restore


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """An image (B, C, H, W) at another size: bicubic, and without aliases where it becomes smaller."""
    return F.interpolate(image, (height, width), mode="bicubic", antialias=True)


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


def restore_scaled(image: Tensor, scale: float, restore: Restore) -> Tensor:
    """Restore an image (B, 3, H, W) at ``scale`` times its size, in place: the change is brought back to its own."""
    if scale == 1:
        return restore(image, overwrite=True)
    before = scaled(image, scale)
    return add_change(image, before, restore(before))
