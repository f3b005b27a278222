from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from udsd.domains.resampling import add_change, restore_scaled, scaled


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


class Counting:
    """In place of a model: each call makes its image a little lighter than the call before, and notes its size."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.sizes: list[int] = []

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        self.sizes.append(images.shape[-2] * images.shape[-1])
        return images + 0.1 + self.step * len(self.sizes)


@pytest.mark.parametrize(("height", "scale", "most"), [(1000, 2.0, 40_000), (1000, 1.5, 30_000), (301, 2.0, 10_000)])
def test_what_is_too_large_when_enlarged_is_restored_in_bands(height: int, scale: float, most: int) -> None:
    image = torch.rand(1, 3, height, 20, generator=torch.Generator().manual_seed(0)) - 0.5
    whole, banded = Counting(0), Counting(0)
    wanted = restore_scaled(image.clone(), scale, whole)
    result = restore_scaled(image.clone(), scale, banded, most)
    assert torch.allclose(result, wanted, atol=1e-5)
    assert len(whole.sizes) == 1
    assert len(banded.sizes) > 1
    assert max(banded.sizes) <= max(most, 2 * 256 * 20 * scale) * 1.05
    assert sum(banded.sizes) < 3 * whole.sizes[0]


def test_one_band_leads_softly_into_the_next() -> None:
    image = torch.zeros(1, 3, 1000, 20)
    model = Counting(0.1)
    result = restore_scaled(image, 2, model, 40_000)
    levels = result[0, 0, :, 0]
    assert result is image
    assert levels[0] == pytest.approx(0.2, abs=1e-5)
    assert levels[-1] == pytest.approx(0.1 + 0.1 * len(model.sizes), abs=1e-5)
    assert levels.diff().min() >= -1e-6
    assert levels.diff().max() < 0.1 / 100


def test_what_is_made_smaller_goes_in_one_piece() -> None:
    model = Counting(0)
    restore_scaled(torch.zeros(1, 3, 400, 20), 0.5, model, 100)
    assert len(model.sizes) == 1
