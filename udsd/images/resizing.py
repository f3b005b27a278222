"""Pictures at another size: the one way in which what a network is shown is enlarged, in use as in training."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """An image (B, C, H, W) at another size: bicubic, and without aliases where it becomes smaller."""
    return F.interpolate(image, (height, width), mode="bicubic", antialias=True)
