from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.blurs import delta, sampler
from udsd.degradation.blur import Blur, BlurConfig, BlurSampler
from udsd.degradation.camera_paths import rasterize, sample_camera_paths
from udsd.degradation.jpeg import through_jpeg
from udsd.degradation.kernels import (
    apply_in_linear_light,
    apply_kernels,
    convolve_circular,
    defocus_discs,
    gaussian_kernels,
)
from udsd.degradation.taking import taken, taken_small
from udsd.errors import ConfigError


def centroids(kernels: Tensor) -> Tensor:
    """Centres of mass (N, 2) in pixels from the middle."""
    offsets = torch.arange(kernels.shape[-1]) - kernels.shape[-1] // 2
    return torch.stack([(kernels.sum(dim=2) * offsets).sum(dim=1), (kernels.sum(dim=1) * offsets).sum(dim=1)], dim=1)


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
    still = (kernels == delta(kernels.shape[-1])).all(dim=2).all(dim=1)
    assert 0.6 < still.double().mean() < 0.8
    assert kernels[~still].amax() < 0.5


def test_the_seed_decides_what_is_drawn() -> None:
    settings: dict[str, Any] = {"defocus_probability": 0.5}
    image = torch.zeros(3, 3, 90, 90)
    first, second = sampler(1, **settings), sampler(1, **settings)
    assert torch.equal(first.kernels(3), second.kernels(3))
    assert torch.equal(first.blur(image), second.blur(image))
    assert not torch.equal(sampler(1).kernels(3), sampler(2).kernels(3))


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
        ({"gamma": (0.9, 2.0)}, "gamma is 0.9 to 2.0; give a range within 1 to 4, the lower first"),
        ({"sharpened_amount": (0.0, 4.5)}, "sharpened_amount"),
        ({"noise": (-0.1, 2.0)}, "noise"),
        ({"noise": (0.0, 300.0)}, "noise"),
        ({"defocus_probability": 1.5}, "defocus_probability is 1.5"),
        ({"defocus_probability": math.nan}, "defocus_probability"),
        ({"defocus_radius": (-1.0, 3.0)}, "defocus_radius is -1.0 to 3.0; give a range within 0 to 32"),
        ({"gaussian_sigma": (0.0, 1.0)}, "gaussian_sigma is 0.0 to 1.0; give a range within 0.1 to 16"),
        ({"gaussian_sigma": (1.0, 16.5)}, "gaussian_sigma"),
        ({"jpeg_quality": (0.0, 95.0)}, "jpeg_quality is 0.0 to 95.0; give a range within 1 to 100"),
        ({"jpeg_quality": (60.0, 101.0)}, "jpeg_quality"),
        ({"enlarged_factor": (0.9, 2.0)}, "enlarged_factor is 0.9 to 2.0; give a range within 1 to 8, the lower first"),
        ({"enlarged_factor": (2.0, 9.0)}, "enlarged_factor"),
        *(
            ({f"{name}_probability": share}, f"{name}_probability is {share}; give a number from 0 to 1")
            for name in ("motion", "straight", "defocus", "gaussian", "gamma", "sharpened", "jpeg", "enlarged")
            for share in (-0.1, 1.1)
        ),
    ],
)
def test_ranges_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BlurConfig(**settings)


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


def test_ranges_may_reach_their_bounds() -> None:
    widest = BlurConfig(
        path_length=(0.0, 255.0),
        motion_probability=0.0,
        straight_probability=1.0,
        defocus_probability=1.0,
        defocus_radius=(0.0, 32.0),
        gaussian_probability=1.0,
        gaussian_sigma=(0.1, 16.0),
        gamma_probability=1.0,
        gamma=(1.0, 4.0),
        noise=(0.0, 255.0),
        sharpened_probability=1.0,
        sharpened_amount=(0.0, 4.0),
        jpeg_probability=1.0,
        jpeg_quality=(1.0, 100.0),
        enlarged_probability=1.0,
        enlarged_factor=(1.0, 8.0),
    )
    assert widest.kernel_size == 2 * math.ceil(255 / 2 + 2 + 32 + 3 * 16) + 1


def test_by_default_the_camera_shakes_and_the_sensor_has_little_noise() -> None:
    """Recipes rely on it: what they do not name is as here, and draws nothing."""
    config = BlurConfig()
    assert (config.path_length, config.noise, config.motion_probability) == ((10, 60), (0, 2), 1)
    assert (config.defocus_radius, config.gaussian_sigma, config.jpeg_quality) == ((0.5, 3), (0.3, 1.5), (60, 95))
    assert (config.gamma, config.sharpened_amount) == ((1.7, 2.5), (0.2, 0.7))
    names = ("straight", "defocus", "gaussian", "gamma", "sharpened", "jpeg", "enlarged")
    off = [f"{name}_probability" for name in names]
    assert all(getattr(config, name) == 0 for name in off)
    random = np.random.default_rng(5)
    lengths = random.uniform(10, 60, size=3)
    expected = rasterize(sample_camera_paths(lengths, random), config.kernel_size)
    np.testing.assert_array_equal(sampler(5).kernels(3).numpy(), expected)


def test_each_blur_has_a_share_and_a_range_of_its_own() -> None:
    """One draw after the other: path, defocus, Gaussian, noise, JPEG."""
    settings: dict[str, Any] = {
        "path_length": (3.0, 8.0),
        "defocus_probability": 1.0,
        "defocus_radius": (1.0, 2.0),
        "gaussian_probability": 1.0,
        "gaussian_sigma": (0.5, 1.0),
        "noise": (1.0, 3.0),
        "jpeg_probability": 1.0,
        "jpeg_quality": (20.0, 90.0),
    }
    size = BlurConfig(**settings).kernel_size
    random = np.random.default_rng(3)
    kernels = torch.from_numpy(rasterize(sample_camera_paths(random.uniform(3, 8, size=4), random), size))
    for make, low, high in ((defocus_discs, 1, 2), (gaussian_kernels, 0.5, 1)):
        random.random(4)  # who is chosen: everyone
        kernels = convolve_circular(kernels, make(torch.from_numpy(random.uniform(low, high, size=4)), size))
    blur = sampler(3, **settings).draw(4, 6, 7)
    torch.testing.assert_close(blur.kernels, kernels)
    noise = random.standard_normal((4, 3, 6, 7), dtype=np.float32)
    levels = random.uniform(1, 3, size=(4, 1, 1, 1)) * 2 / 255
    torch.testing.assert_close(blur.noise, torch.from_numpy(noise * levels).float())
    random.random(4)
    assert blur.jpeg_qualities == dict(enumerate(np.rint(random.uniform(20, 90, size=4)).astype(int).tolist()))


def test_jpeg_is_the_last_step_and_of_the_drawn_quality() -> None:
    images = torch.rand(3, 3, 24, 24) * 2 - 1
    blur = Blur(delta(3).expand(3, 3, 3), torch.full((3, 3, 22, 22), 0.3), {1: 40})
    noisy = (images[..., 1:-1, 1:-1] + 0.3).clamp(-1, 1)
    result = blur.apply(images)
    torch.testing.assert_close(result[[0, 2]], noisy[[0, 2]], atol=1e-5, rtol=0)
    torch.testing.assert_close(result[1], through_jpeg(noisy[1], 40), atol=0.02, rtol=0)


class TestLinearLight:
    def test_grey_levels_are_blurred_as_the_light_that_they_stand_for(self) -> None:
        """A pixel of white beside one of black: half of the light is a level of 0.5 to the power of 1 / 2.2."""
        stripes = torch.tensor([-1.0, 1.0]).repeat(12).expand(2, 3, 24, 24)
        halves = torch.tensor([[0.0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]]).expand(2, 3, 3)
        silence = torch.zeros(2, 3, 22, 22)
        result = Blur(halves, silence, {}, gammas=torch.tensor([2.2, 1.0])).apply(stripes)
        torch.testing.assert_close(result[0], torch.full_like(result[0], 2 * 0.5 ** (1 / 2.2) - 1), atol=1e-5, rtol=0)
        torch.testing.assert_close(result[1], torch.zeros_like(result[1]), atol=1e-5, rtol=0)

    def test_the_range_of_images_is_kept(self) -> None:
        images = (torch.rand(4, 3, 40, 40, generator=torch.Generator().manual_seed(0)) < 0.5).float() * 2 - 1
        kernels = sampler(0, path_length=(2.0, 8.0)).kernels(4)
        blurred = apply_in_linear_light(images, kernels, torch.full((4,), 2.5))
        assert torch.isfinite(blurred).all()
        assert -1 <= blurred.min() <= blurred.max() <= 1

    def test_the_asked_share_is_blurred_so_by_powers_of_the_range(self) -> None:
        gammas = sampler(0, gamma_probability=0.5).draw(400, 1, 1).gammas
        assert gammas is not None
        chosen = gammas[gammas != 1]
        assert 160 < len(chosen) < 240
        assert 1.7 <= chosen.min() < 1.75
        assert 2.45 < chosen.max() <= 2.5


class TestSharpening:
    def test_what_a_camera_sharpens_overshoots_on_both_sides_of_an_edge(self) -> None:
        edge = torch.full((2, 3, 42, 42), -0.5)
        edge[..., 21:] = 0.5
        blur = Blur(delta(3).expand(2, 3, 3), torch.zeros(2, 3, 40, 40), {}, sharpening=torch.tensor([0.6, 0.0]))
        sharpened, plain = blur.apply(edge)
        assert plain.abs().max() < 0.501
        assert (sharpened[..., 20] > 0.6).all()
        assert (sharpened[..., 19] < -0.6).all()
        torch.testing.assert_close(sharpened[..., :10], plain[..., :10], atol=1e-5, rtol=0)

    def test_the_amount_is_a_part_of_the_difference_to_the_softened_image(self) -> None:
        images = torch.rand(1, 3, 42, 42, generator=torch.Generator().manual_seed(0)) - 0.5
        still, silence = delta(3), torch.zeros(1, 3, 40, 40)
        inner = images[..., 1:-1, 1:-1]
        added = [
            Blur(still, silence, {}, sharpening=torch.tensor([amount])).apply(images) - inner for amount in (0.2, 0.4)
        ]
        torch.testing.assert_close(added[1], 2 * added[0], atol=1e-5, rtol=0)
        kernel = gaussian_kernels(torch.tensor([1.3]), 9)
        soft = apply_kernels(inner, kernel)
        middle = added[0][..., 4:-4, 4:-4]
        torch.testing.assert_close(middle, 0.2 * (inner[..., 4:-4, 4:-4] - soft), atol=1e-5, rtol=0)

    def test_noise_is_sharpened_and_jpeg_comes_after(self) -> None:
        images, noise = torch.zeros(1, 3, 34, 34), torch.randn(1, 3, 32, 32) * 0.1
        still, amounts = delta(3), torch.tensor([0.5])
        sharpened = Blur(still, noise, {}, sharpening=amounts).apply(images)
        assert sharpened.std() > 1.3 * noise.std()
        compressed = Blur(still, noise, {0: 40}, sharpening=amounts).apply(images)
        torch.testing.assert_close(compressed[0], through_jpeg(sharpened[0], 40), atol=0.02, rtol=0)

    def test_each_image_keeps_its_own_amount_when_some_are_enlarged(self) -> None:
        images = torch.rand(3, 3, 34, 34, generator=torch.Generator().manual_seed(0)) - 0.5
        silence, amounts = torch.zeros(3, 3, 32, 32), torch.tensor([0.2, 0.7, 0.0])
        result = Blur(delta(3).expand(3, 3, 3), silence, {}, {1: 2.0}, sharpening=amounts).apply(images)
        inner = images[..., 1:-1, 1:-1]
        torch.testing.assert_close(result[:1], taken(inner[:1], silence[:1], {}, amounts[:1]), atol=1e-5, rtol=0)
        small = taken_small(inner[1:2], silence[1:2], {}, 2.0, amounts[1:2])
        torch.testing.assert_close(result[1:2], small, atol=0.02, rtol=0)
        assert (small - taken_small(inner[1:2], silence[1:2], {}, 2.0)).abs().mean() > 0.02
        torch.testing.assert_close(result[2], inner[2], atol=1e-5, rtol=0)

    def test_the_asked_share_is_sharpened_by_amounts_of_the_range(self) -> None:
        amounts = sampler(0, sharpened_probability=0.5).draw(400, 1, 1).sharpening
        assert amounts is not None
        chosen = amounts[amounts != 0]
        assert 160 < len(chosen) < 240
        assert 0.2 <= chosen.min() < 0.22
        assert 0.68 < chosen.max() <= 0.7


@pytest.mark.parametrize("kind", [BlurConfig, Blur])
def test_what_was_drawn_cannot_be_changed_by_mistake(kind: type) -> None:
    values = object.__new__(kind)
    with pytest.raises(FrozenInstanceError):
        setattr(values, fields(kind)[0].name, None)  # type: ignore[arg-type]
    assert not hasattr(values, "__dict__")
