from __future__ import annotations

import numpy as np
import torch

from udsd.images.levels import GREY_LEVEL, from_array, to_array, to_levels, to_pillow, to_pixels


def test_pixels_are_rounded_and_limited() -> None:
    pixels = torch.tensor([-3.0, -1.0, 0.0, 1.0, 7.0]).expand(3, 1, 5)
    assert to_levels(pixels)[0, 0].tolist() == [0, 0, 128, 255, 255]
    assert np.asarray(to_pillow(pixels))[0, :, 1].tolist() == [0, 0, 128, 255, 255]


def test_every_level_comes_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    pixels = to_pixels(levels)
    assert (pixels[0], pixels[-1]) == (-1, 1)
    torch.testing.assert_close(pixels.diff(), torch.full((255,), GREY_LEVEL))
    assert torch.equal(to_levels(pixels), levels)


def test_arrays_are_images_with_channels_last() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    pixels = from_array(image[:, ::-1])  # of any strides
    assert pixels.shape == (1, 3, 5, 7)
    np.testing.assert_array_equal(to_array(pixels[0]), image[:, ::-1])
