from __future__ import annotations

import numpy as np
import torch

from udsd.images.tensors import through_jpeg, to_pillow


def test_levels_are_rounded_and_limited() -> None:
    pixels = torch.tensor([-3.0, -1.0, 0.0, 1.0]).expand(3, 1, 4)
    assert np.asarray(to_pillow(pixels))[0, :, 1].tolist() == [0, 0, 128, 255]


def test_jpeg_keeps_more_at_higher_quality() -> None:
    pixels = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    errors = [(through_jpeg(pixels, quality) - pixels).abs().mean().item() for quality in (20, 95)]
    assert 0 < errors[1] < errors[0]
    assert through_jpeg(pixels, 50).shape == pixels.shape
