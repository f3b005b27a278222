from __future__ import annotations

import numpy as np
import pytest

from udsd.images import DeepImage


@pytest.mark.parametrize("channels", [3, 4])
def test_eight_bits_are_the_nearest(channels: int) -> None:
    levels = np.array([0, 128, 129, 385, 386, 65406, 65407, 65535], np.uint16)
    pixels = np.broadcast_to(levels[:, None, None], (8, 2, channels))
    image = DeepImage(np.ascontiguousarray(pixels), {"dpi": (300, 300)}).to_pillow()
    assert (image.mode, image.size) == ({3: "RGB", 4: "RGBA"}[channels], (2, 8))
    assert np.asarray(image)[:, 0, 0].tolist() == [0, 0, 1, 1, 2, 254, 255, 255]
    assert image.info["dpi"] == (300, 300)
