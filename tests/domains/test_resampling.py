from __future__ import annotations

import pytest
import torch

from udsd.domains.resampling import add_change, scaled


def waves(height: int, width: int, period: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    wave = torch.sin(2 * torch.pi * (rows + columns) / period)
    return (0.5 * wave).expand(1, 3, height, width).clone()


def test_smaller_images_have_no_aliases() -> None:
    assert scaled(waves(64, 64, 3), 0.25).abs().max() < 0.1
    assert scaled(waves(64, 64, 40), 0.25).abs().max() > 0.45


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.9])
def test_no_change_changes_no_pixel(scale: float) -> None:
    image = torch.rand(1, 3, 37, 50) * 2 - 1
    smaller = scaled(image, scale)
    assert torch.equal(add_change(image.clone(), smaller, smaller.clone()), image)


def test_detail_that_the_other_size_cannot_show_stays() -> None:
    fine, coarse = waves(64, 64, 3), waves(64, 64, 32)
    smaller = scaled(fine + coarse, 0.25)
    changed = add_change(fine + coarse, smaller, smaller + 0.2)
    assert torch.allclose(changed, (fine + coarse + 0.2).clamp(-1, 1), atol=1e-3)


def test_a_change_is_added_where_it_is_wanted_and_kept_in_range() -> None:
    where = torch.zeros(1, 1, 8, 8)
    where[..., :4] = 1
    small = torch.zeros(1, 3, 4, 4)
    changed = add_change(torch.zeros(1, 3, 8, 8), small, small + 3, where=where)
    assert torch.equal(changed[..., :4], torch.ones(1, 3, 8, 4))
    assert not changed[..., 4:].any()


def test_no_image_vanishes() -> None:
    assert scaled(torch.zeros(1, 3, 2, 9), 0.125).shape == (1, 3, 1, 1)
