"""How far apart two results are."""

from __future__ import annotations

import math

from torch import Tensor


def decibels(first: Tensor, second: Tensor) -> float:
    """PSNR of images in [-1, 1]; 306 where they are equal."""
    error = (first.double() - second.double()).square().mean().item()
    return 10 * math.log10(4 / max(error, 1e-30))
