"""Sets of blurs: what they are, how they are drawn, written and read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from udsd.degradation import PATH_POINTS, Blur, BlurConfig, BlurSampler, BlurSet, joined_blurs, load_blurs
from udsd.degradation.blur_set import resampled
from udsd.errors import ConfigError


def blurs_of(
    paths: list[complex],
    *,
    radius: float = 0.0,
    sigma: float = 0.0,
    noise: float = 0.0,
    quality: float = 0.0,
    gamma: float = 1.0,
) -> BlurSet:
    """Straight paths from end to end of the given vectors, all else the same."""
    even = np.linspace(-0.5, 0.5, PATH_POINTS)[:, None]
    count = len(paths)
    same = [np.full(count, float(value)) for value in (radius, sigma, noise, quality, gamma)]
    return BlurSet(even * np.array(paths, dtype=complex), *same, np.full(count, 1 / count))


class TestBlurSet:
    def test_tells_length_and_direction_of_a_straight_path(self) -> None:
        blurs = blurs_of([12 * np.exp(1j * np.radians(8)), 20j, 0])
        np.testing.assert_allclose(blurs.lengths, [12, 20, 0], atol=1e-9)
        np.testing.assert_allclose(blurs.angles[0], 8)
        np.testing.assert_allclose(abs(blurs.angles[1]), 90)
        assert blurs.moves.tolist() == blurs.straight.tolist() == [True, True, False]

    def test_a_bent_path_is_not_straight(self) -> None:
        there_and_back = np.abs(np.linspace(-5, 5, PATH_POINTS))[:, None] + 0j
        blurs = BlurSet(there_and_back, *(np.zeros(1) for _ in range(4)), np.ones(1), np.ones(1))
        assert blurs.moves.all()
        assert not blurs.straight.any()

    def test_kernels_fit_and_sum_to_one(self) -> None:
        blurs = blurs_of([30, 4j], radius=3, sigma=1)
        kernels = blurs.kernels(blurs.kernel_size)
        torch.testing.assert_close(kernels.sum(dim=(1, 2)), torch.ones(2))
        assert kernels[:, [0, -1]].sum() < 1e-4, "a kernel reaches its border"

    def test_a_straight_path_is_a_line_of_even_weight(self) -> None:
        line = blurs_of([10]).kernels(15)[0]
        assert line[7].sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(line[7, 4:11], 0.1, atol=2e-3)

    def test_defocus_alone_is_a_disc(self) -> None:
        disc = blurs_of([0], radius=4).kernels(13)[0]
        assert disc[6, 2] == pytest.approx(disc[2, 6].item(), abs=1e-6)
        assert disc[6, 6] == pytest.approx(1 / (np.pi * 16), rel=0.25)

    def test_is_drawn_by_weight(self) -> None:
        blurs = blurs_of([3, 9])
        weighted = replace(blurs, weights=np.array([0.9, 0.1]))
        drawn = weighted.draw(1000, np.random.default_rng(0))
        assert np.isclose(drawn.lengths, 3).mean() == pytest.approx(0.9, abs=0.03)
        assert drawn.weights.sum() == pytest.approx(1)

    def test_joins(self) -> None:
        joined = joined_blurs([blurs_of([3]), blurs_of([5, 7], radius=2)])
        np.testing.assert_allclose(joined.lengths, [3, 5, 7])
        assert joined.radii.tolist() == [0, 2, 2]
        np.testing.assert_allclose(joined.weights, 1 / 3)

    def test_resampling_keeps_the_ends(self) -> None:
        paths = np.array([[0], [1], [4]], dtype=complex)
        np.testing.assert_allclose(resampled(paths, 5)[:, 0], [0, 0.5, 1, 2.5, 4])


class TestFiles:
    def test_come_back_as_they_were(self, tmp_path: Path) -> None:
        blurs = blurs_of([3 + 4j, 9], radius=1.5, sigma=0.5, noise=3, quality=70, gamma=2.2)
        blurs.save(tmp_path / "blurs.safetensors")
        again = load_blurs(tmp_path / "blurs.safetensors")
        np.testing.assert_allclose(again.paths, blurs.paths, atol=1e-6)
        assert again.qualities.tolist() == [70, 70]
        np.testing.assert_allclose(again.noise, 3)
        np.testing.assert_allclose(again.gammas, 2.2)

    def test_sets_without_gammas_blur_levels(self) -> None:
        tensors = blurs_of([3, 4], gamma=2).to_tensors()
        del tensors["gammas"]
        assert BlurSet.from_tensors(tensors).gammas.tolist() == [1, 1]

    def test_a_changed_file_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "blurs.safetensors"
        blurs_of([3]).save(path)
        assert len(load_blurs(path)) == 1
        blurs_of([3, 4]).save(path)
        assert len(load_blurs(path)) == 2

    def test_missing_and_foreign_files_are_told(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot read the set of blurs"):
            load_blurs(tmp_path / "none.safetensors")
        (tmp_path / "text.safetensors").write_text("no tensors")
        with pytest.raises(ConfigError, match=r"text\.safetensors"):
            load_blurs(tmp_path / "text.safetensors")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("radii", torch.tensor([-1.0])),
            ("noise", torch.tensor([float("nan")])),
            ("weights", torch.zeros(1)),
            ("qualities", torch.zeros(2)),
            ("gammas", torch.tensor([0.9])),
            ("paths", torch.zeros(PATH_POINTS, 1)),
        ],
    )
    def test_tensors_that_are_no_set_are_refused(self, name: str, value: torch.Tensor) -> None:
        tensors = blurs_of([3]).to_tensors()
        assert len(BlurSet.from_tensors(tensors)) == 1
        with pytest.raises(ConfigError):
            BlurSet.from_tensors({**tensors, name: value})

    def test_a_missing_tensor_is_named(self) -> None:
        tensors = blurs_of([3]).to_tensors()
        del tensors["sigmas"]
        with pytest.raises(ConfigError, match="sigmas"):
            BlurSet.from_tensors(tensors)


class TestSampling:
    def sampled(self, tmp_path: Path, blurs: BlurSet) -> tuple[BlurConfig, Blur]:
        blurs.save(tmp_path / "blurs.safetensors")
        config = BlurConfig(learnt=str(tmp_path / "blurs.safetensors"))
        return config, BlurSampler(config, np.random.default_rng(0)).draw(6, 32, 32)

    def test_a_learnt_set_replaces_the_ranges(self, tmp_path: Path) -> None:
        config, blur = self.sampled(tmp_path, blurs_of([8], noise=5, quality=40))
        assert config.kernel_size == blurs_of([8]).kernel_size
        torch.testing.assert_close(blur.kernels, blurs_of([8] * 6).kernels(config.kernel_size))
        assert dict(blur.jpeg_qualities) == dict.fromkeys(range(6), 40)
        assert blur.noise.std().item() * 127.5 == pytest.approx(5, rel=0.05)

    def test_light_is_blurred_where_the_set_says_so(self, tmp_path: Path) -> None:
        _, levels = self.sampled(tmp_path, blurs_of([8]))
        assert levels.gammas is None
        _, light = self.sampled(tmp_path, blurs_of([8], gamma=2))
        torch.testing.assert_close(light.gammas, torch.full((6,), 2.0))

    def test_images_that_are_not_compressed_stay_so(self, tmp_path: Path) -> None:
        _, blur = self.sampled(tmp_path, blurs_of([8]))
        assert not blur.jpeg_qualities
        assert not blur.noise.any()

    def test_a_missing_set_is_told(self, tmp_path: Path) -> None:
        config = BlurConfig(learnt=str(tmp_path / "none.safetensors"))
        with pytest.raises(ConfigError, match="cannot read the set of blurs"):
            BlurSampler(config, np.random.default_rng(0))
        with pytest.raises(ConfigError, match="cannot read the set of blurs"):
            _ = config.kernel_size


def test_images_blurred_by_a_learnt_set_can_be_enlarged_too(tmp_path: Path) -> None:
    blurs_of([3, 5j], noise=2).save(tmp_path / "set.safetensors")
    config = BlurConfig(learnt=str(tmp_path / "set.safetensors"), enlarged_probability=1.0, enlarged_factor=(2.0, 2.0))
    assert BlurSampler(config, np.random.default_rng(0)).draw(2, 20, 20).factors == pytest.approx({0: 2.0, 1: 2.0})
