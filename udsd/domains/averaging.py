"""The mean of several restorations of one picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.domains.domain import Restore
from udsd.inference.backend import OnProgress, as_part

SHIFTS = ((0, 0), (2, 1), (1, 3), (3, 2))
"""Down and to the right in pixels, all rests by the networks' stride of 4 in each direction: what the stride loses of
one copy it keeps of another."""


def averaged(restore: Restore) -> Restore:
    """A model that restores each image four times, shifted by up to three pixels, and gives the mean.

    Measured in November 2026: +0.2 dB and a CER of 0.208 instead of 0.221 on strips of text, at four times the time.
    """

    def restore_averaged(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        height, width = images.shape[-2:]
        total = torch.zeros_like(images)
        for number, (down, right) in enumerate(SHIFTS):
            tell = None if on_progress is None else as_part(on_progress, number, len(SHIFTS))
            shifted = F.pad(images, (right, 0, down, 0), mode="replicate")
            total += restore(shifted, overwrite=True, on_progress=tell)[
                ..., down : down + height, right : right + width
            ]
        return total.div_(len(SHIFTS))

    return restore_averaged
