"""The blur of an image from a model, and laid on another image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.degradation.test_blur_set import blurs_of
from tests.drawings import Domain, drawing, through_blur, weights_of
from udsd import ConfigError, Deblurrer, ImageError, WeightsError
from udsd.degradation import BlurSet
from udsd.estimation import BlurEstimate, BlurEstimator
from udsd.estimation.signature import _hann
from udsd.models import DeblurModel


@pytest.fixture
def deblurrer(model: DeblurModel) -> Deblurrer:
    return Deblurrer(model, device="cpu", dtype="float32")


def moved(length: float, angle: float, *, noise: float = 0.0, quality: float = 0.0) -> BlurSet:
    return blurs_of([length * np.exp(1j * np.radians(angle))], noise=noise, quality=quality)


def blurred_drawing(blur: BlurSet, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return through_blur(drawing(random, 256), blur, random).astype(np.uint8)


def test_motion_is_read_from_one_image(deblurrer: Deblurrer) -> None:
    found = deblurrer.estimate_blur(blurred_drawing(moved(14, 40, noise=2)))
    assert found.length == pytest.approx(14, rel=0.2)
    assert found.angle == pytest.approx(40, abs=8)
    assert found.kernel.sum() == pytest.approx(1, abs=1e-5)
    assert found.kernel.dtype == np.float32
    assert found.jpeg_quality is None
    assert "motion of" in str(found) or "shake of" in str(found)


def test_defocus_is_no_motion(deblurrer: Deblurrer) -> None:
    found = deblurrer.estimate_blur(blurred_drawing(blurs_of([0], radius=5)))
    assert found.length < 4
    assert found.defocus_radius == pytest.approx(5, rel=0.25)


def test_blur_beyond_the_largest_kernel_is_found_at_another_scale(deblurrer: Deblurrer) -> None:
    large = Image.fromarray(blurred_drawing(moved(30, 0), seed=1)).resize((1024, 1024), Image.Resampling.BICUBIC)
    found = deblurrer.estimate_blur(large)
    assert found.length == pytest.approx(120, rel=0.3)


def test_what_was_estimated_is_laid_on_another_image(deblurrer: Deblurrer) -> None:
    blur = moved(12, -20)
    like = blurred_drawing(blur)
    sharp = drawing(np.random.default_rng(7), 200).astype(np.uint8)
    expected = through_blur(sharp.astype(np.float32), blur, np.random.default_rng(0))
    found = deblurrer.reblur(sharp, like, noise=False)
    assert found.shape == sharp.shape
    inner = np.s_[20:-20, 20:-20]
    error = np.abs(found.astype(float) - expected)[inner].mean()
    assert error < 0.25 * np.abs(sharp - expected)[inner].mean()


class TestReblur:
    ESTIMATE = BlurEstimate.of(moved(9, 0, noise=5, quality=30))

    def test_gives_the_kind_that_came(self, deblurrer: Deblurrer, tmp_path: Path) -> None:
        sharp = Image.fromarray(drawing(np.random.default_rng(0), 64).astype(np.uint8))
        sharp.save(tmp_path / "a.png")
        assert isinstance(deblurrer.reblur(tmp_path / "a.png", self.ESTIMATE), Image.Image)
        assert deblurrer.reblur(sharp, self.ESTIMATE).mode == "L"
        tensor = torch.rand(2, 3, 32, 40)
        assert deblurrer.reblur(tensor, self.ESTIMATE).shape == tensor.shape

    def test_noise_has_its_strength_and_its_seed(self, deblurrer: Deblurrer) -> None:
        grey = np.full((128, 128, 3), 128, np.uint8)
        first, again, other = (deblurrer.reblur(grey, self.ESTIMATE, seed=seed) for seed in (0, 0, 1))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        assert first.astype(float).std() == pytest.approx(5, rel=0.05)
        assert np.array_equal(deblurrer.reblur(grey, self.ESTIMATE, noise=False), grey)

    def test_jpeg_if_it_is_asked_for(self, deblurrer: Deblurrer) -> None:
        sharp = drawing(np.random.default_rng(0), 64).astype(np.uint8)
        plain, compressed = (deblurrer.reblur(sharp, self.ESTIMATE, noise=False, jpeg=jpeg) for jpeg in (False, True))
        assert not np.array_equal(plain, compressed)

    def test_images_smaller_than_the_kernel(self, deblurrer: Deblurrer) -> None:
        wide = BlurEstimate.of(moved(60, 30))
        assert deblurrer.reblur(np.full((5, 7, 3), 90, np.uint8), wide, noise=False).tolist() == [[[90] * 3] * 7] * 5

    @pytest.mark.parametrize("seed", [-1, 2.5, "a"])
    def test_bad_seeds_are_told(self, deblurrer: Deblurrer, seed: object) -> None:
        with pytest.raises(ConfigError, match="seed"):
            deblurrer.reblur(np.zeros((32, 32, 3), np.uint8), self.ESTIMATE, seed=seed)  # type: ignore[arg-type]


class TestErrors:
    def test_too_small_an_image(self, deblurrer: Deblurrer) -> None:
        with pytest.raises(ImageError, match="20 x 15 pixels are too few"):
            deblurrer.estimate_blur(np.zeros((15, 20, 3), np.uint8))

    def test_a_broken_file_of_the_model(self, deblurrer: Deblurrer, tmp_path: Path) -> None:
        deblurrer.save_pretrained(tmp_path / "model")
        (tmp_path / "model" / "blur.safetensors").write_bytes(b"broken")
        loaded = Deblurrer.from_pretrained(tmp_path / "model", device="cpu")
        with pytest.raises(WeightsError, match=r"blur\.safetensors"):
            loaded.estimate_blur(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))

    def test_what_is_of_one_colour_has_no_blur(self, deblurrer: Deblurrer) -> None:
        with pytest.raises(ImageError, match="of one colour all over: there is no blur to be told"):
            deblurrer.estimate_blur(np.full((64, 64, 3), 200, np.uint8))

    def test_settings_of_the_program_around_change_nothing(self, deblurrer: Deblurrer) -> None:
        image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        expected = str(deblurrer.estimate_blur(image))
        _hann.cache_clear()
        torch.set_default_dtype(torch.float64)
        try:
            assert str(deblurrer.estimate_blur(image)) == expected
        finally:
            torch.set_default_dtype(torch.float32)
        assert str(deblurrer.estimate_blur(image)) == expected
        with torch.device("meta"):
            assert str(deblurrer.estimate_blur(image)) == expected


def test_the_estimator_of_the_model_comes_first(
    deblurrer: Deblurrer, learnt: BlurEstimator, domain: Domain, tmp_path: Path
) -> None:
    deblurrer.save_pretrained(tmp_path / "model")
    general = Deblurrer.from_pretrained(tmp_path / "model", device="cpu").blur_estimator
    learnt.save(tmp_path / "model" / "blur.safetensors")
    own = Deblurrer.from_pretrained(tmp_path / "model", device="cpu").blur_estimator
    assert len(own.blurs) == len(learnt.blurs) != len(general.blurs)


def test_the_bundled_model_of_faces_has_one_of_faces() -> None:
    own = Deblurrer.from_pretrained("face", device="cpu").blur_estimator
    general = Deblurrer.from_pretrained("text-small", device="cpu").blur_estimator
    assert not np.array_equal(weights_of(own), weights_of(general))
