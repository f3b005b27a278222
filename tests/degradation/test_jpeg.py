from __future__ import annotations

import torch

from udsd.degradation.jpeg import through_jpeg


def test_jpeg_keeps_more_at_higher_quality() -> None:
    pixels = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    errors = [(through_jpeg(pixels, quality) - pixels).abs().mean().item() for quality in (20, 95)]
    assert 0 < errors[1] < errors[0]
    assert through_jpeg(pixels, 50).shape == pixels.shape
