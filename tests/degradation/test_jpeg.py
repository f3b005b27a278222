from __future__ import annotations

import torch

from udsd.degradation.jpeg import through_jpeg


def test_jpeg_keeps_more_at_higher_quality() -> None:
    pixels = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    errors = [(through_jpeg(pixels, quality) - pixels).abs().mean().item() for quality in (20, 95)]
    assert 0 < errors[1] < errors[0]
    assert through_jpeg(pixels, 50).shape == pixels.shape


def test_pixels_and_colours_keep_their_places() -> None:
    colours = torch.tensor([-0.6, 0.1, 0.7]).view(3, 1, 1).expand(3, 32, 48).clone()
    colours[:, 16:] = -colours[:, 16:]
    returned = through_jpeg(colours, 100)
    assert returned.shape == (3, 32, 48)
    for half in (slice(0, 14), slice(18, 32)):  # colours are stored at half the size, and bleed over the edge
        torch.testing.assert_close(returned[:, half], colours[:, half], atol=0.03, rtol=0)
