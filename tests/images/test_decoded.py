from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from udsd.images import decode_image


def test_what_lies_under_full_transparency_throws_no_shadow() -> None:
    image = np.zeros((9, 12, 4), np.uint8)
    image[:, 4:] = [200, 100, 50, 255]
    image[:, 3] = [200, 100, 50, 1]
    decoded = decode_image(image)
    # The black that cannot be seen is not what the network sees.
    expected = torch.tensor([200.0, 100.0, 50.0])[:, None, None].expand(-1, 9, 12) / 127.5 - 1
    torch.testing.assert_close(decoded.pixels[0], expected)
    result = decoded.encode(torch.full_like(decoded.pixels, 0.5))
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    assert (result[:, :3] == image[:, :3]).all()
    assert (result[:, 3:, :3] == 191).all()


def test_the_nearest_colour_that_is_seen_goes_on_under_what_is_not() -> None:
    image = np.zeros((1, 7, 4), np.uint8)
    image[0, 1] = [10, 20, 30, 255]
    image[0, 5] = [70, 80, 90, 128]
    shown = ((decode_image(image).pixels[0, :, 0] + 1) * 127.5).round().int().T.tolist()
    assert shown[:3] == [[10, 20, 30]] * 3
    assert shown[4:] == [[70, 80, 90]] * 3


def test_an_image_of_nothing_but_transparency(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    decoded = decode_image(image)
    np.testing.assert_array_equal(decoded.encode(decoded.pixels), image)
