from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.blurs import delta, sampler
from udsd.degradation import Blur
from udsd.degradation.jpeg import through_jpeg
from udsd.degradation.taking import taken, taken_small
from udsd.domains.resampling import scaled
from udsd.images.levels import to_levels, to_pixels

STILL: dict[str, Any] = {"path_length": (0.0, 0.0), "noise": (0.0, 0.0)}


def noise_of(*shape: int, level: float = 0.0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2)) * level


def soft_images(count: int, side: int, seed: int = 0) -> Tensor:
    """Images (N, 3, S, S) in [-0.8, 0.8] without detail below eight pixels."""
    rough = torch.rand(count, 3, side // 8, side // 8, generator=torch.Generator().manual_seed(seed))
    return scaled(rough * 1.6 - 0.8, 8)


def test_a_picture_taken_small_is_what_use_makes_of_a_small_file() -> None:
    """The very resampling of `udsd.domains`: what a user's small print becomes before the network sees it."""
    images = soft_images(2, 48)
    small_file = to_pixels(to_levels(scaled(images, 0.5)))
    shown = taken_small(images, noise_of(2, 3, 48, 48), {}, 2.0)
    assert shown.shape == images.shape
    assert torch.equal(shown, scaled(small_file, 2))


def test_an_enlarged_picture_lies_upon_the_sharp_one() -> None:
    images = soft_images(1, 64)
    for factor in (1.3, 1.7, 2.2):
        shown = taken_small(images, torch.zeros_like(images), {}, factor)
        moved = (shown - images.roll(1, dims=-1))[..., 4:-4, 4:-4].square().mean()
        assert (shown - images)[..., 4:-4, 4:-4].square().mean() < 0.02 * moved


def test_detail_that_the_small_picture_cannot_hold_is_lost() -> None:
    stripes = torch.tensor([-0.5, 0.5]).repeat(16).expand(1, 3, 32, 32)
    shown = taken_small(stripes, torch.zeros(1, 3, 32, 32), {}, 2.0)
    assert shown.std() < 0.1 * stripes.std()


def test_noise_is_that_of_the_small_picture() -> None:
    """As much as in a picture that keeps its size, but coarser: neighbours have it in common."""
    grey, noise = torch.zeros(1, 3, 96, 96), noise_of(1, 3, 96, 96, level=0.1)
    small = to_pixels(to_levels(noise[..., :48, :48]))
    shown = taken_small(grey, noise, {}, 2.0)
    assert torch.equal(shown, scaled(small, 2))
    neighbours = torch.corrcoef(torch.stack([shown[..., 1:].flatten(), shown[..., :-1].flatten()]))[0, 1]
    assert neighbours > 0.5


def test_jpeg_is_that_of_the_small_picture() -> None:
    image, silence = soft_images(1, 64, seed=3), torch.zeros(1, 3, 64, 64)
    small_file = through_jpeg(scaled(image, 0.5)[0], 20)[None]
    shown = taken_small(image, silence, {0: 20}, 2.0)
    assert torch.equal(shown, scaled(small_file, 2))
    assert not torch.equal(shown, taken_small(image, silence, {}, 2.0))


def test_values_stay_in_the_range_of_images() -> None:
    edge = torch.ones(1, 3, 32, 32)
    edge[..., 16:] = -1
    shown = taken_small(edge, noise_of(1, 3, 32, 32, level=0.3), {0: 50}, 1.9)
    assert (shown.min(), shown.max()) == (-1, 1)


@pytest.mark.parametrize("side", [16, 20])
def test_the_smallest_crop_may_be_stored_at_an_eighth(side: int) -> None:
    shown = taken_small(torch.zeros(1, 3, side, side), torch.zeros(1, 3, side, side), {0: 90}, 8.0)
    torch.testing.assert_close(shown, torch.zeros(1, 3, side, side), atol=0.01, rtol=0)


def test_the_asked_share_is_enlarged_by_two_factors_of_the_range() -> None:
    drawn = [sampler(seed, **STILL, enlarged_probability=0.5).draw(40, 20, 20).factors for seed in range(30)]
    assert 0.4 < sum(map(len, drawn)) / (30 * 40) < 0.6
    factors = [set(one.values()) for one in drawn]
    assert all(1 <= len(one) <= 2 for one in factors)
    every = torch.tensor([factor for one in factors for factor in one])
    assert 1.2 <= every.min() < 1.35
    assert 1.9 < every.max() <= 2.2


def test_what_is_not_enlarged_stays_bit_for_bit() -> None:
    """The sizes are drawn after all else, and images that keep theirs are what they are without."""
    settings: dict[str, Any] = {"path_length": (2.0, 5.0), "noise": (1.0, 4.0), "jpeg_probability": 0.5}
    images = soft_images(12, 48)
    plain = sampler(4, **settings)
    some = sampler(4, **settings, enlarged_probability=0.5)
    before, after = plain.draw(12, 38, 38), some.draw(12, 38, 38)
    assert torch.equal(before.kernels, after.kernels)
    assert torch.equal(before.noise, after.noise)
    assert before.jpeg_qualities == after.jpeg_qualities
    assert not before.factors
    kept = [index for index in range(12) if index not in after.factors]
    assert 2 < len(kept) < 10
    first, second = before.apply(images), after.apply(images)
    assert torch.equal(first[kept], second[kept])
    assert all(not torch.equal(first[index], second[index]) for index in after.factors)


def test_each_image_keeps_its_own_kernel_noise_quality_and_factor() -> None:
    images = soft_images(4, 32)
    noise = noise_of(4, 3, 30, 30, level=0.05)
    blur = Blur(delta(3, right=1).expand(4, 3, 3), noise, {1: 30, 2: 60}, {1: 1.5, 3: 2.0})
    moved = images[..., 1:-1, :-2]
    expected = torch.cat(
        [
            taken(moved[:1], noise[:1], {}),
            taken_small(moved[1:2], noise[1:2], {0: 30}, 1.5),
            taken(moved[2:3], noise[2:3], {0: 60}),
            taken_small(moved[3:], noise[3:], {}, 2.0),
        ]
    )
    # A rounding in the transform can tip a grey level over.
    assert (blur.apply(images) - expected).abs().mean() < 1e-3
    torch.testing.assert_close(blur.apply(images), expected, atol=0.1, rtol=0)


def test_rounding_is_to_the_levels_of_the_file() -> None:
    blur = Blur(delta(3).expand(2, 3, 3), noise_of(2, 3, 30, 30, level=0.05), {}, {1: 2.0})
    images = soft_images(2, 32)
    as_it_is, rounded = blur.apply(images), blur.apply(images, rounded=True)
    assert torch.equal(rounded[0], to_pixels(to_levels(as_it_is[0])))
    assert torch.equal(rounded[1], as_it_is[1])
    assert not torch.equal(rounded[1], to_pixels(to_levels(rounded[1])))
