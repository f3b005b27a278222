from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.flat_images import crops_of, levels_in, save, save_flat
from udsd.errors import ConfigError
from udsd.training.crop_scales import draw_scale, resized, unscaled
from udsd.training.data_config import DataConfig
from udsd.training.image_pool import ImageCache, ImagePool


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """An image whose red and green are the place of a pixel, down and to the right."""
    y, x = np.mgrid[:240, :240]
    return save(tmp_path / "ramp.png", np.stack([y, x, 0 * x], axis=-1).astype(np.uint8))


def slopes(path: Path, low: float, high: float, *, margin: int = 0) -> torch.Tensor:
    """Grey levels that the crops of a ramp rise by in a pixel."""
    pool = ImagePool([path], ImageCache(2**20))
    crops = pool.crops(200, 48, np.random.default_rng(0), margin=margin, scales=(low, high)).pixels.float()
    assert crops.shape[-1] == 48 + 2 * margin
    down, right = (crops[:, 0, 40, 5] - crops[:, 0, 5, 5]) / 35, (crops[:, 1, 5, 40] - crops[:, 1, 5, 5]) / 35
    torch.testing.assert_close(down, right, atol=0.06, rtol=0)
    return down


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.4), (0.5, 2.0), (0.5, 0.5), (2.0, 2.0)])
@pytest.mark.parametrize("margin", [0, 9])
def test_crops_show_their_image_at_sizes_from_the_whole_range(ramp: Path, low: float, high: float, margin: int) -> None:
    scales = 1 / slopes(ramp, low, high, margin=margin)
    assert scales.min().item() == pytest.approx(low, rel=0.06)
    assert scales.max().item() == pytest.approx(high, rel=0.06)
    # As many are enlarged by more than the geometric mean as by less.
    assert scales.log().mean().item() == pytest.approx(np.log(low * high) / 2, abs=0.1)


def test_a_factor_is_drawn_only_from_a_range() -> None:
    random, untouched = np.random.default_rng(0), np.random.default_rng(0)
    assert draw_scale((1.3, 1.3), random) == 1.3
    assert random.random() == untouched.random()


@pytest.mark.parametrize("scale", [1.0, 0.37, 1.4, 10.0])
def test_what_is_cut_from_the_image_has_the_asked_size_once_enlarged(scale: float) -> None:
    for size, margin in ((16, 0), (160, 45), (20, 3)):
        side, around = unscaled(size, margin, scale)
        assert side >= 1
        assert (side + 2 * around) * scale == pytest.approx(size + 2 * margin, abs=scale / 2)
        assert around * scale == pytest.approx(margin, abs=scale / 2)
    assert unscaled(16, 5, 1.0) == (16, 5)


def test_shrinking_takes_the_mean_of_areas() -> None:
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2] = 200
    assert set(resized(stripes, 8).flatten().tolist()) == {100}
    assert resized(stripes, 16) is stripes
    assert resized(stripes, 24).shape == (24, 24, 3)


def test_batches_with_scales_are_a_function_of_the_step(pages: Path) -> None:
    first, second, plain = crops_of(pages, scales=(0.7, 1.4)), crops_of(pages, scales=(0.7, 1.4)), crops_of(pages)
    assert torch.equal(first.pairs(3).pixels, second.pairs(3).pixels)
    assert not torch.equal(first.pairs(3).pixels, plain.pairs(3).pixels)
    assert first.pairs(3).pixels.shape == plain.pairs(3).pixels.shape


def test_an_image_smaller_than_what_is_cut_from_it_is_mirrored(tmp_path: Path) -> None:
    crops = crops_of(save_flat(tmp_path, [90]), scales=(0.2, 0.2), crop_size=32)
    assert levels_in(crops.sharp(0)) == {90}


def test_both_of_a_pair_are_scaled_alike(tmp_path: Path, ramp: Path) -> None:
    for side in ("blurred", "sharp"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "ramp.png").write_bytes(ramp.read_bytes())
    pairs = (str(tmp_path / "blurred"), str(tmp_path / "sharp"))
    batch = crops_of(pairs=pairs, scales=(1.5, 1.5), batch_size=4).pairs(0)
    assert batch.blurred is not None
    assert torch.equal(batch.pixels, batch.blurred)
    rises = (batch.pixels[:, 0, 12, 5].int() - batch.pixels[:, 0, 3, 5].int()) / 9
    torch.testing.assert_close(rises, torch.full((4,), 1 / 1.5), atol=0.12, rtol=0)


@pytest.mark.parametrize("scales", [(0.0, 1.0), (1.4, 1.0), (1.0, 20.0)])
def test_scales_out_of_range_are_refused(scales: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=r"scales are .*; give factors from 0\.1 to 10\.0, the smaller first"):
        DataConfig(scales=scales)
