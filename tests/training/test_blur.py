from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from udsd.errors import ConfigError
from udsd.training.blur import (
    BlurConfig,
    BlurSampler,
    apply_kernels,
    convolve_circular,
    defocus_discs,
    gaussian_kernels,
    rasterize,
    sample_trajectories,
    straight_trajectories,
)


class NoChance(np.random.Generator):
    """Draws zeros only: a camera that goes straight on."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: Any = None, *_: Any) -> Any:  # type: ignore[override]
        return np.zeros(() if size is None else size)

    def standard_normal(self, size: Any = None, *_: Any) -> Any:  # type: ignore[override]
        return np.zeros(() if size is None else size)


def sampler(seed: int = 0, **settings: Any) -> BlurSampler:
    return BlurSampler(BlurConfig(**settings), np.random.default_rng(seed))


def centroids(kernels: Tensor) -> Tensor:
    """Centres of mass (N, 2) in pixels from the middle."""
    offsets = torch.arange(kernels.shape[-1]) - kernels.shape[-1] // 2
    return torch.stack([(kernels.sum(dim=2) * offsets).sum(dim=1), (kernels.sum(dim=1) * offsets).sum(dim=1)], dim=1)


def delta(size: int, down: int = 0, right: int = 0) -> Tensor:
    kernel = torch.zeros(1, size, size)
    kernel[0, size // 2 + down, size // 2 + right] = 1
    return kernel


@pytest.mark.parametrize("defocus", [{}, {"defocus_probability": 1.0, "defocus_radius": (2.0, 6.0)}])
@pytest.mark.parametrize("path_length", [(0.0, 0.0), (0.3, 0.3), (10.0, 60.0), (60.0, 60.0), (255.0, 255.0)])
def test_kernels_are_centred_weights_that_sum_to_one(path_length: tuple[float, float], defocus: dict[str, Any]) -> None:
    blur = sampler(path_length=path_length, **defocus)
    kernels = blur.kernels(20)
    assert kernels.shape == (20, blur.config.kernel_size, blur.config.kernel_size)
    assert kernels.dtype == torch.float32
    assert kernels.min() >= 0
    torch.testing.assert_close(kernels.sum(dim=(1, 2)), torch.ones(20), atol=1e-5, rtol=0)
    assert centroids(kernels).abs().max() < 0.05


@pytest.mark.parametrize("length", [0.0, 0.5, 1.0, 7.3, 32.0, 60.0, 254.9])
@pytest.mark.parametrize("angle", [0.0, 45.0, 90.0])
def test_the_longest_path_fits_the_kernel(length: float, angle: float) -> None:
    size = BlurConfig(path_length=(0.0, length)).kernel_size
    straight = np.linspace(-length / 2, length / 2, 500)[:, None] * np.exp(1j * np.radians(angle))
    kernel = rasterize(straight, size)[0]
    ring = np.concatenate([kernel[0], kernel[-1], kernel[:, 0], kernel[:, -1]])
    assert size % 2 == 1
    assert kernel.sum() == pytest.approx(1)
    assert not ring.any()


@pytest.mark.parametrize(("length", "radius"), [(0.0, 0.5), (0.0, 6.0), (7.3, 2.7), (60.0, 32.0)])
def test_the_longest_path_fits_with_the_widest_disc(length: float, radius: float) -> None:
    config = BlurConfig(path_length=(0.0, length), defocus_probability=0.1, defocus_radius=(0.0, radius))
    straight = rasterize(np.linspace(-length / 2, length / 2, 500)[:, None] + 0j, 151)
    together = convolve_circular(torch.from_numpy(straight), defocus_discs(torch.tensor([radius]), 151))[0]
    cut = (151 - config.kernel_size) // 2
    assert together[cut:-cut, cut:-cut].sum() == pytest.approx(1, abs=1e-3)
    assert BlurConfig(path_length=(0.0, length)).kernel_size < config.kernel_size


def test_no_trajectory_leaves_its_mean_by_more_than_half_its_length() -> None:
    lengths = np.linspace(0, 60, 300)
    trajectories = sample_trajectories(lengths, np.random.default_rng(0))
    assert (np.abs(trajectories).max(axis=0) <= lengths / 2 + 1e-9).all()
    np.testing.assert_allclose(trajectories.mean(axis=0), 0, atol=1e-9)


def test_the_path_is_as_long_as_asked() -> None:
    lengths = np.array([0.0, 3.0, 60.0])
    straight = sample_trajectories(lengths, NoChance())
    np.testing.assert_allclose(np.abs(straight[-1] - straight[0]), lengths)
    bent = sample_trajectories(lengths, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(np.diff(bent, axis=0)).sum(axis=0), lengths)


def test_trajectories_bend_and_differ() -> None:
    ends = sample_trajectories(np.full(50, 60.0), np.random.default_rng(0))[[0, -1]]
    reach = np.abs(ends[1] - ends[0])
    assert (reach < 30).sum() > 5
    assert (reach > 30).sum() > 5


def test_now_and_then_a_shake_turns_the_camera_about() -> None:
    velocities = np.diff(sample_trajectories(np.full(100, 60.0), np.random.default_rng(0)), axis=0)
    turns = np.cos(np.angle(velocities[1:] / velocities[:-1]))
    # A shake has a probability of 0.2 * 0.012 / 4 at each of the 2000 steps on average.
    assert 60 < (turns < -0.3).sum() < 240


def test_straight_paths_are_lines_of_the_asked_length_through_their_middle() -> None:
    lengths = np.array([0.0, 12.0, 60.0])
    paths = straight_trajectories(lengths, np.random.default_rng(0))
    ends = paths[-1] - paths[0]
    np.testing.assert_allclose(np.abs(ends), lengths)
    np.testing.assert_allclose(paths.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.diff(paths, axis=0), np.broadcast_to(ends / 1999, (1999, 3)), atol=1e-9)


def test_straight_paths_go_in_all_directions() -> None:
    paths = straight_trajectories(np.full(400, 10.0), np.random.default_rng(0))
    angles = np.angle(paths[-1] - paths[0]) % math.pi
    assert np.histogram(angles, bins=4, range=(0, math.pi))[0].min() > 60


def test_straight_motion_befalls_the_asked_share_and_leaves_the_other_draws_alone() -> None:
    plain = sampler(path_length=(40.0, 40.0)).kernels(400)
    some_straight = sampler(path_length=(40.0, 40.0), straight_probability=0.3).kernels(400)
    straight = some_straight[(plain != some_straight).any(dim=2).any(dim=1)]
    assert 0.22 < len(straight) / 400 < 0.38
    offsets = torch.arange(straight.shape[-1], dtype=torch.float32) - straight.shape[-1] // 2
    down, right = offsets[:, None], offsets[None, :]
    spread = torch.stack(
        [(straight * first * second).sum(dim=(1, 2)) for first in (down, right) for second in (down, right)], dim=1
    )
    across, along = torch.linalg.eigvalsh(spread.view(-1, 2, 2)).T
    assert across.max() < 0.3  # bilinear weights spread a line by half a pixel at most
    torch.testing.assert_close(along, torch.full_like(along, 40**2 / 12), rtol=0.01, atol=0.3)


def test_the_camera_moves_in_the_asked_share_of_images() -> None:
    kernels = sampler(path_length=(40.0, 40.0), motion_probability=0.3).kernels(400)
    assert 0.6 < (kernels.amax(dim=(1, 2)) == 1).double().mean() < 0.8


def test_the_seed_decides_what_is_drawn() -> None:
    settings: dict[str, Any] = {"defocus_probability": 0.5}
    image = torch.zeros(3, 3, 90, 90)
    first, second = sampler(1, **settings), sampler(1, **settings)
    assert torch.equal(first.kernels(3), second.kernels(3))
    assert torch.equal(first.blur(image), second.blur(image))
    assert not torch.equal(sampler(1).kernels(3), sampler(2).kernels(3))


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (0, [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        (0.5, [[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]]),
        (0.5j, [[0, 0, 0], [0, 0.5, 0], [0, 0.5, 0]]),
        (-0.25 - 0.5j, [[0.125, 0.375, 0], [0.125, 0.375, 0], [0, 0, 0]]),
    ],
)
def test_points_between_pixels_are_shared_out(point: complex, expected: list[list[float]]) -> None:
    np.testing.assert_allclose(rasterize(np.array([[point]], dtype=complex), 3)[0], expected)


def test_each_trajectory_is_drawn_into_its_own_kernel() -> None:
    trajectories = np.array([[0, 1, 1j], [0, 1, -1j]])
    kernels = rasterize(trajectories, 5)
    expected: NDArray[np.float32] = np.zeros((3, 5, 5), np.float32)
    expected[0, 2, 2] = expected[1, 2, 3] = 1
    expected[2, 3, 2] = expected[2, 1, 2] = 0.5
    np.testing.assert_array_equal(kernels, expected)


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


def test_defocus_befalls_the_asked_share_of_images() -> None:
    out_of_focus = sampler(path_length=(0.0, 0.0), defocus_probability=0.25, defocus_radius=(4.0, 4.0))
    kernels = out_of_focus.kernels(400)
    disc = defocus_discs(torch.tensor([4.0]), kernels.shape[-1])
    blurred = torch.isclose(kernels, disc, atol=1e-5).all(dim=2).all(dim=1)
    sharp = torch.isclose(kernels, delta(kernels.shape[-1]), atol=1e-5).all(dim=2).all(dim=1)
    assert (blurred ^ sharp).all()
    assert blurred.float().mean() == pytest.approx(0.25, abs=0.06)


def test_noise_has_the_asked_level() -> None:
    blur = sampler(path_length=(0.0, 0.0), noise=(20.0, 20.0))
    noisy = blur.blur(torch.zeros(2, 3, 100, 100))
    assert (noisy * 127.5).std() == pytest.approx(20, rel=0.02)
    assert (noisy * 127.5).mean() == pytest.approx(0, abs=0.5)


def test_noise_levels_fill_their_range_in_the_images_units() -> None:
    noise = sampler(path_length=(0.0, 4.0), noise=(5.0, 10.0)).draw(300, 30, 40).noise * 127.5
    assert noise.shape == (300, 3, 30, 40)
    levels = noise.std(dim=(1, 2, 3))
    assert levels.min() == pytest.approx(5, abs=0.3)
    assert levels.max() == pytest.approx(10, abs=0.3)


def test_what_was_drawn_is_applied_again_alike() -> None:
    images = torch.rand(2, 3, 60, 50) * 2 - 1
    blur = sampler(path_length=(5.0, 9.0), jpeg_probability=0.5).draw(2, 60 - 14, 50 - 14)
    assert blur.kernels.shape == (2, 15, 15)
    first = blur.apply(images)
    assert first.shape == (2, 3, 46, 36)
    assert torch.equal(first, blur.apply(images))
    torch.testing.assert_close(first, sampler(path_length=(5.0, 9.0), jpeg_probability=0.5).blur(images))


def test_noise_does_not_leave_the_range_of_images() -> None:
    blurred = sampler(path_length=(0.0, 0.0), noise=(80.0, 80.0)).blur(torch.ones(1, 3, 40, 40))
    assert blurred.max() == 1
    assert blurred.min() >= -1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path_length": (20.0, 10.0)}, "path_length is 20.0 to 10.0"),
        ({"path_length": (-1.0, 10.0)}, "path_length"),
        ({"path_length": (0.0, 256.0)}, "0 to 255"),
        ({"path_length": (0.0, math.nan)}, "path_length"),
        ({"defocus_radius": (1.0, 40.0)}, "defocus_radius"),
        ({"noise": (-0.1, 2.0)}, "noise"),
        ({"noise": (0.0, 300.0)}, "noise"),
        ({"defocus_probability": 1.5}, "defocus_probability is 1.5"),
        ({"defocus_probability": math.nan}, "defocus_probability"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BlurConfig(**settings)


def test_gaussians_have_the_asked_deviation() -> None:
    kernels = gaussian_kernels(torch.tensor([1.0, 2.5]), 31).double()
    offsets = torch.arange(31, dtype=torch.float64) - 15
    variances = (kernels.sum(dim=1) * offsets.square()).sum(dim=1)
    torch.testing.assert_close(variances, torch.tensor([1.0, 6.25], dtype=torch.float64), rtol=1e-3, atol=0)


def test_gaussian_blur_widens_the_kernels_and_the_square_that_holds_them() -> None:
    plain = BlurConfig(path_length=(10.0, 10.0))
    wide = BlurConfig(path_length=(10.0, 10.0), gaussian_probability=1.0, gaussian_sigma=(1.5, 1.5))
    assert wide.kernel_size > plain.kernel_size
    kernels = BlurSampler(wide, np.random.default_rng(0)).kernels(8)
    sharper = BlurSampler(plain, np.random.default_rng(0)).kernels(8)
    torch.testing.assert_close(kernels.sum(dim=(1, 2)), torch.ones(8))
    assert (kernels.amax(dim=(1, 2)) < sharper.amax(dim=(1, 2))).all()


def test_jpeg_touches_the_asked_share_of_images() -> None:
    images = torch.rand(1, 3, 60, 60).expand(40, -1, -1, -1) * 2 - 1
    still = {"path_length": (0.0, 0.0), "noise": (0.0, 0.0), "jpeg_quality": (30.0, 30.0)}
    sampler = BlurSampler(BlurConfig(jpeg_probability=0.5, **still), np.random.default_rng(0))  # type: ignore[arg-type]
    margin = sampler.config.kernel_size // 2
    changed = (sampler.blur(images) - images[..., margin:-margin, margin:-margin]).abs().amax(dim=(1, 2, 3)) > 0.01
    assert 10 <= changed.sum() <= 30
