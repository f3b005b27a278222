"""The mean of several restorations of one picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.domains.copies import Copy
from udsd.domains.domain import Restore
from udsd.inference.backend import OnProgress, as_part


def averaged(restore: Restore, copies: Sequence[Copy]) -> Restore:
    """A model that restores copies of each image, and gives their mean in the image's place."""

    def restore_averaged(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        total = torch.zeros_like(images)
        for number, copy in enumerate(copies):
            tell = None if on_progress is None else as_part(on_progress, number, len(copies))
            total += _back(restore(_copied(images, copy), overwrite=True, on_progress=tell), copy)
        return total.div_(len(copies))

    return restore_averaged


def _copied(images: Tensor, copy: Copy) -> Tensor:
    """A copy of images (B, 3, H, W), in memory of its own, larger by the shift."""
    shifted = F.pad(images, (copy.right, 0, copy.down, 0), mode="replicate")
    if copy.mirrored:
        return shifted.flip(-1)
    return shifted.clone() if shifted.data_ptr() == images.data_ptr() else shifted


def _back(restored: Tensor, copy: Copy) -> Tensor:
    upright = restored.flip(-1) if copy.mirrored else restored
    return upright[..., copy.down :, copy.right :]
