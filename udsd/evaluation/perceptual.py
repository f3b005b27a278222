"""Distances between images in VGG-19 features (the paper's d_VGG)."""

from __future__ import annotations

import torch
from torch import Tensor

from udsd.evaluation.metrics import Image, check_alike
from udsd.evaluation.vgg import VGG19Features
from udsd.images.levels import from_array
from udsd.surroundings import own_settings

_SMALLEST_SIDE = 4
"""Pixels that the two poolings before conv3_3 need."""


@own_settings()
def feature_distance(restored: Image, sharp: Image, vgg: VGG19Features) -> float:
    """Mean squared difference of the VGG-19 conv3_3 features of two uint8 RGB images (H, W, 3).

    Raises:
        ImageError: The images differ in shape or are smaller than 4 pixels.
    """
    check_alike(restored, sharp, smallest_side=_SMALLEST_SIDE)
    with torch.inference_mode():
        difference = vgg(_to_tensor(restored, vgg)) - vgg(_to_tensor(sharp, vgg))
        return float(difference.square().mean())


def _to_tensor(image: Image, vgg: VGG19Features) -> Tensor:
    return from_array(image).to(vgg.mean)
