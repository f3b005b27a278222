from __future__ import annotations

import numpy as np
import pytest
import torch

from udsd.errors import ImageError
from udsd.evaluation.perceptual import feature_distance
from udsd.evaluation.vgg import VGG19Features


@pytest.fixture(scope="module")
def vgg() -> VGG19Features:
    torch.manual_seed(0)
    return VGG19Features(feature_scale=10.0)


def test_distance_is_the_mean_squared_difference_of_features(vgg: VGG19Features) -> None:
    first, second = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), dtype=np.uint8)
    tensors = [torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1 for image in (first, second)]
    with torch.no_grad():
        expected = (vgg(tensors[0]) - vgg(tensors[1])).square().mean().item()
    assert expected > 0
    assert feature_distance(first, second, vgg) == pytest.approx(expected, rel=1e-4)
    assert feature_distance(first, first, vgg) == 0


def test_images_too_small_to_be_pooled_are_refused(vgg: VGG19Features) -> None:
    image = np.zeros((3, 9, 3), np.uint8)
    with pytest.raises(ImageError, match="at least 4 a side"):
        feature_distance(image, image, vgg)
