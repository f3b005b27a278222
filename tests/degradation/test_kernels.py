from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from tests.blurs import delta, sampler
from udsd.degradation.kernels import apply_kernels, convolve_circular, defocus_discs, gaussian_kernels
from udsd.errors import ConfigError


def test_apply_kernels_is_a_convolution_with_each_images_own_kernel() -> None:
    images = torch.rand(2, 3, 40, 37) * 2 - 1
    kernels = torch.rand(2, 9, 9)
    expected = [
        F.conv2d(image[:, None], kernel.flip(0, 1)[None, None])[:, 0]
        for image, kernel in zip(images, kernels, strict=True)
    ]
    torch.testing.assert_close(apply_kernels(images, kernels), torch.stack(expected), atol=1e-4, rtol=0)


def test_a_delta_changes_nothing_but_the_border() -> None:
    images = torch.rand(1, 3, 20, 24)
    torch.testing.assert_close(apply_kernels(images, delta(7)), images[..., 3:-3, 3:-3], atol=1e-6, rtol=0)


def test_a_shifted_delta_moves_the_image() -> None:
    images = torch.rand(1, 3, 20, 24)
    moved = apply_kernels(images, delta(7, down=1, right=2))
    torch.testing.assert_close(moved, images[..., 2:-4, 1:-5], atol=1e-6, rtol=0)


def test_blur_keeps_the_mean() -> None:
    flat = torch.full((4, 3, 100, 100), 0.3)
    blurred = sampler(noise=(0.0, 0.0), defocus_probability=0.5).blur(flat)
    torch.testing.assert_close(blurred, torch.full_like(blurred, 0.3), atol=1e-5, rtol=0)


def test_blur_shrinks_the_image_by_the_kernel_and_no_more() -> None:
    blur = sampler(path_length=(4.0, 8.0))
    assert blur.config.kernel_size == 13
    assert blur.blur(torch.zeros(2, 3, 33, 50)).shape == (2, 3, 21, 38)


def test_images_smaller_than_the_kernel_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"kernels of 9 px .* got 8 x 20"):
        apply_kernels(torch.zeros(1, 3, 8, 20), delta(9))


@pytest.mark.parametrize("radius", [3.0, 8.5, 20.0])
def test_discs_have_the_asked_radius(radius: float) -> None:
    disc = defocus_discs(torch.tensor([radius]), 51)[0]
    offsets = torch.arange(51.0) - 25
    distance = torch.hypot(offsets[:, None], offsets[None, :])
    assert disc.sum() == pytest.approx(1, abs=1e-5)
    # Inside the rim all weights are alike, so that one of them tells the area.
    assert 1 / disc[25, 25] == pytest.approx(math.pi * radius**2, rel=0.02)
    assert disc[distance <= radius - 0.5].min() == pytest.approx(float(disc[25, 25]))
    assert disc[distance >= radius + 0.5].max() == 0


def test_a_disc_of_radius_zero_is_a_delta() -> None:
    assert torch.equal(defocus_discs(torch.zeros(1), 5), delta(5))


def test_convolving_two_deltas_adds_their_positions() -> None:
    both = convolve_circular(delta(9, down=1, right=2), delta(9, down=-3, right=1))
    torch.testing.assert_close(both, delta(9, down=-2, right=3), atol=1e-6, rtol=0)


def test_convolving_with_a_delta_changes_nothing() -> None:
    kernels = sampler(path_length=(3.0, 9.0)).kernels(2)
    deltas = delta(kernels.shape[-1]).expand_as(kernels)
    torch.testing.assert_close(convolve_circular(kernels, deltas), kernels, atol=1e-6, rtol=0)


def test_gaussians_have_the_asked_deviation() -> None:
    kernels = gaussian_kernels(torch.tensor([1.0, 2.5]), 31).double()
    offsets = torch.arange(31, dtype=torch.float64) - 15
    variances = (kernels.sum(dim=1) * offsets.square()).sum(dim=1)
    torch.testing.assert_close(variances, torch.tensor([1.0, 6.25], dtype=torch.float64), rtol=1e-3, atol=0)


def test_gaussians_are_centred_and_round() -> None:
    (kernel,) = gaussian_kernels(torch.tensor([1.5]), 15)
    offsets = torch.arange(15.0) - 7
    expected = torch.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.5**2))
    torch.testing.assert_close(kernel, expected / expected.sum())


def test_convolving_kernels_is_convolving_with_both() -> None:
    first, second = (torch.rand(2, side, side) for side in (5, 3))
    first, second = (
        F.pad(kernel / kernel.sum(dim=(1, 2), keepdim=True), [15 // 2 - len(kernel[0]) // 2] * 4)
        for kernel in (first, second)
    )
    found = convolve_circular(first, second)
    expected = F.conv2d(first[None], second.flip(1, 2)[:, None], padding=7, groups=2)[0]
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert found.min() >= 0
    torch.testing.assert_close(found.sum(dim=(1, 2)), torch.ones(2))


def test_kernels_as_large_as_the_image_leave_one_pixel() -> None:
    image = torch.rand(1, 3, 5, 5)
    kernel = torch.rand(1, 5, 5)
    expected = (image[0] * kernel.flip(1, 2)).sum(dim=(1, 2))
    torch.testing.assert_close(apply_kernels(image, kernel)[0, :, 0, 0], expected, atol=1e-5, rtol=0)
    with pytest.raises(ConfigError, match="got 20 x 8"):
        apply_kernels(torch.zeros(1, 3, 20, 8), delta(9))
