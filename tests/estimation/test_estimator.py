"""Estimates of single images, and the file that holds what was learnt."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.degradation.test_blur_set import blurs_of
from tests.drawings import ANGLE, EXTENT, Domain, drawing, extents, through_blur
from udsd.degradation import apply_in_linear_light, load_blurs
from udsd.errors import WeightsError
from udsd.estimation import SHARP, BlurEstimate, BlurEstimator, find_blurs, typical_extent


def test_single_images(domain: Domain, learnt: BlurEstimator) -> None:
    found = learnt.estimate(domain.blurred)
    assert len(found) == len(domain.blurred)
    assert np.median(extents(found)) == pytest.approx(EXTENT, rel=0.3)
    assert np.median(found.angles) == pytest.approx(ANGLE, abs=10)


def test_an_estimate_does_not_depend_on_its_company(domain: Domain, learnt: BlurEstimator) -> None:
    alone = learnt.estimate(domain.blurred[:1], seed=4)
    again = learnt.estimate(domain.blurred[:1], seed=4)
    np.testing.assert_array_equal(alone.paths, again.paths)


def test_a_folder_without_sharp_images(domain: Domain, learnt: BlurEstimator) -> None:
    found = find_blurs(learnt, domain.blurred)
    assert np.median(extents(found)[found.moves]) == pytest.approx(EXTENT, rel=0.35)


def test_any_size_of_image(learnt: BlurEstimator) -> None:
    random = np.random.default_rng(0)
    images = [drawing(random, side)[:, : side // 2] for side in (16, 40, 700)]
    assert len(learnt.estimate(images)) == 3


class TestFile:
    def test_comes_back(self, learnt: BlurEstimator, domain: Domain, tmp_path: Path) -> None:
        learnt.save(tmp_path / "blur.safetensors")
        again = BlurEstimator.load(tmp_path / "blur.safetensors")
        first, second = learnt.estimate(domain.blurred[:3]), again.estimate(domain.blurred[:3])
        # Weights are in half precision.
        np.testing.assert_allclose(first.lengths, second.lengths, rtol=0.1)

    def test_the_set_is_read_from_it(self, learnt: BlurEstimator, tmp_path: Path) -> None:
        learnt.save(tmp_path / "blur.safetensors")
        np.testing.assert_allclose(load_blurs(tmp_path / "blur.safetensors").noise, learnt.blurs.noise, rtol=1e-6)

    def test_what_is_no_estimator_is_told(self, learnt: BlurEstimator, tmp_path: Path) -> None:
        path = tmp_path / "blur.safetensors"
        with pytest.raises(WeightsError, match=r"blur\.safetensors"):
            BlurEstimator.load(path)
        path.write_bytes(b"nothing")
        with pytest.raises(WeightsError, match="cannot be read"):
            BlurEstimator.load(path)
        learnt.save(path)
        tensors = load_file(path)
        for name in ("axes.mean", "reader.mean", "blurs.radii"):
            save_file({key: value for key, value in tensors.items() if key != name}, path)
            with pytest.raises(WeightsError, match="cannot be read as an estimator"):
                BlurEstimator.load(path)
        save_file({**tensors, "likelihood.offset": torch.zeros(3)}, path)
        with pytest.raises(WeightsError, match=r"likelihood\.offset"):
            BlurEstimator.load(path)

    def test_a_folder_that_cannot_be_written_is_told(self, learnt: BlurEstimator, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(WeightsError, match="cannot write"):
            learnt.save(tmp_path / "file" / "blur.safetensors")


class TestExtent:
    def test_is_the_standard_deviation_along_the_blur(self) -> None:
        assert typical_extent(blurs_of([12])) == pytest.approx(12 / 12**0.5, rel=0.02)
        assert typical_extent(blurs_of([0], radius=3)) == pytest.approx(1.5)
        assert typical_extent(blurs_of([0], sigma=2)) == pytest.approx(2)
        assert typical_extent(blurs_of([0])) == 0 < SHARP

    def test_is_the_median_of_a_set(self) -> None:
        assert typical_extent(blurs_of([0, 0, 24])) == 0


def test_light_is_blurred_where_the_estimate_says_so() -> None:
    sharp = (torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1).round()
    blurs = blurs_of([6], gamma=2.2)
    estimate = BlurEstimate.of(blurs)
    assert "in linear light" in str(estimate)
    blurred = estimate.apply(sharp, noise=False)
    margin = estimate.kernel.shape[0] // 2
    padded = torch.nn.functional.pad(sharp, (margin,) * 4, mode="reflect")
    inner = slice(margin, -margin)
    light = apply_in_linear_light(padded, torch.from_numpy(estimate.kernel)[None], torch.tensor([2.2]))
    torch.testing.assert_close(blurred[..., inner, inner], light[..., inner, inner])
    assert (blurred > replace(estimate, gamma=1.0).apply(sharp, noise=False) - 1e-4).all(), "light is lighter"


def test_blur_reaches_the_image(domain: Domain) -> None:
    # The fixture itself: were nothing blurred, all of the above would be without meaning.
    random = np.random.default_rng(0)
    image = drawing(random)
    assert through_blur(image, domain.blur, random).std() < 0.9 * image.std()
