"""Signatures of images, descriptions of blurs, and the shares that explain a folder."""

import numpy as np
import pytest
import torch

from tests.degradation.test_blur_set import blurs_of
from udsd.estimation.likelihood import Likelihood, shares
from udsd.estimation.random_blurs import random_blurs, varied
from udsd.estimation.signature import SIZE, signature
from udsd.estimation.transfer import DIMENSIONS, KERNEL_SIZE, Axes, describe


class TestSignature:
    @pytest.mark.parametrize("shape", [(16, 16), (40, 300), (256, 256)])
    def test_is_finite_for_any_image(self, shape: tuple[int, int]) -> None:
        random = np.random.default_rng(0)
        for image in (random.uniform(0, 255, shape).astype(np.float32), np.zeros(shape, np.float32)):
            found = signature(image)
            assert found.shape == (SIZE,)
            assert found.isfinite().all()

    def test_a_stronger_wave_has_more_power_at_its_frequency_alone(self) -> None:
        columns = np.arange(256)
        wave = np.cos(2 * np.pi * columns / 8)[None].repeat(256, axis=0)
        weak, strong = (signature((127 + size * wave).astype(np.float32)) for size in (20.0, 40.0))
        gain = (strong - weak)[: SIZE - 14]
        assert gain.max().item() == pytest.approx(np.log(4), abs=0.05)
        assert gain.min().item() == pytest.approx(0, abs=0.2)

    def test_jpeg_shows_as_a_grid(self) -> None:
        image = np.kron(np.random.default_rng(0).uniform(60, 200, (16, 16)), np.ones((8, 8))).astype(np.float32)
        largest_step = signature(image)[960]
        assert largest_step == pytest.approx(8, abs=0.2), "all steps are between blocks"


class TestDescription:
    def test_no_blur_passes_everything(self) -> None:
        blurs = blurs_of([0])
        found = describe(blurs, blurs.kernels(KERNEL_SIZE))[0]
        torch.testing.assert_close(found[:144], torch.ones(144))

    def test_a_straight_path_is_a_sinc(self) -> None:
        blurs = blurs_of([20])
        found = describe(blurs, blurs.kernels(KERNEL_SIZE))[0, :144].view(12, 12)
        frequencies = np.geomspace(0.01, 0.4, 12)
        # Along the path; across it (angle 90 degrees) everything passes.
        expected = np.abs(np.sinc(20 * frequencies))
        np.testing.assert_allclose(found[:, 0], expected, atol=0.03)
        np.testing.assert_allclose(found[:, 6], 1, atol=1e-5)

    def test_coordinates_have_unit_variance(self) -> None:
        blurs = random_blurs(400, np.random.default_rng(0))
        descriptions = describe(blurs, blurs.kernels(KERNEL_SIZE))
        coordinates = Axes.of(descriptions).coordinates(descriptions)
        assert coordinates.shape == (400, DIMENSIONS)
        torch.testing.assert_close(coordinates.var(dim=0), torch.ones(DIMENSIONS), atol=0.02, rtol=0)


class TestRandomBlurs:
    def test_are_of_every_kind(self) -> None:
        blurs = random_blurs(2000, np.random.default_rng(0))
        assert 0.75 < blurs.moves.mean() < 0.85
        assert 0.35 < blurs.straight.mean() < 0.55
        assert 0.3 < (blurs.radii > 0).mean() < 0.5
        assert (blurs.sigmas > 0).any()
        assert 0.6 < (blurs.qualities > 0).mean() < 0.7
        assert blurs.kernel_size <= KERNEL_SIZE + 30

    def test_variations_are_near(self) -> None:
        random = np.random.default_rng(0)
        blurs = blurs_of([12] * 300, radius=2, noise=4, quality=50)
        near = varied(blurs, random, 0.3, switch=0)
        assert near.straight.all()
        assert np.log(near.lengths / 12).std() == pytest.approx(0.036, rel=0.2)
        assert near.angles.std() == pytest.approx(np.degrees(0.036), rel=0.2)
        assert 0 < (near.radii == 0).mean() < 0.1
        assert near.qualities.mean() == pytest.approx(50, abs=1)

    def test_some_paths_change_their_kind_and_keep_direction_and_extent(self) -> None:
        blurs = blurs_of([20 * np.exp(0.5j)] * 200)
        switched = varied(blurs, np.random.default_rng(0), 0.01, switch=1)
        assert switched.straight.mean() < 0.5
        np.testing.assert_allclose(switched.angles, np.degrees(0.5), atol=2)
        extents = np.sqrt((np.abs(switched.paths - switched.paths.mean(axis=0)) ** 2).mean(axis=0))
        np.testing.assert_allclose(extents, 20 / 12**0.5, rtol=0.03)

    def test_long_paths_stay_within_the_kernel(self) -> None:
        long = varied(blurs_of([74] * 50), np.random.default_rng(0), 1.0, switch=0)
        assert np.abs(long.paths.real).max() <= KERNEL_SIZE // 2


class TestLikelihood:
    def test_knows_how_far_readings_are_drawn_to_the_middle(self) -> None:
        generator = torch.Generator().manual_seed(0)
        blurs = torch.randn(2000, 4, generator=generator)
        readings = 0.5 * blurs + 1 + 0.1 * torch.randn(2000, 4, generator=generator)
        likelihood = Likelihood.fitted(blurs, readings)
        found = likelihood.log(0.5 * blurs[:50] + 1, blurs[:50])
        assert found.argmax(dim=1).tolist() == list(range(50))
        torch.testing.assert_close(likelihood.slope, 0.5 * torch.eye(4), atol=0.02, rtol=0)

    def test_shares_of_a_population_are_found(self) -> None:
        # Three blurs; images are of the first (70) and the third (30), and are read with certainty.
        certain = torch.full((100, 3), -50.0)
        certain[:70, 0] = certain[70:, 2] = 0
        torch.testing.assert_close(shares(certain, 3).float(), torch.tensor([0.7, 0.0, 0.3]))

    def test_uncertain_images_follow_the_others(self) -> None:
        mixed = torch.zeros(100, 2)
        mixed[:20, 1] = -50.0
        found = shares(mixed, 60)
        assert found[0] > 0.95, "those that could be either are explained by what is certain"
