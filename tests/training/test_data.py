from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from udsd.errors import ConfigError, ImageError
from udsd.images import decode_image
from udsd.training import data as data_module
from udsd.training.blur import BlurConfig
from udsd.training.data import DataConfig, ImageCache, ImagePool, UnpairedCrops

NO_BLUR = BlurConfig(path_length=(0.0, 0.0), noise=(0.0, 0.0))
LEVELS = range(10, 250, 40)
"""Grey levels of six flat images, by which crops tell where they come from."""


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def save_flat(folder: Path, levels: range | list[int]) -> Path:
    for level in levels:
        save(folder / f"{level:03d}.png", np.full((40, 40, 3), level, np.uint8))
    return folder


def crops_of(
    *sharp: Path, blurred: tuple[Path, ...] = (), blur: BlurConfig = NO_BLUR, **settings: Any
) -> UnpairedCrops:
    folders: dict[str, Any] = {"sharp": tuple(map(str, sharp)), "blurred": tuple(map(str, blurred))}
    config = DataConfig(**({"crop_size": 16, "batch_size": 40} | folders | settings))
    return UnpairedCrops(config, blur, np.random.default_rng(0))


def pool_of(*files: Path) -> ImagePool:
    return ImagePool(files, ImageCache(2**20))


def levels_in(crops: Tensor) -> set[int]:
    return set(((crops[:, 0, 8, 8] + 1) * 127.5).round().int().tolist())


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_with_sharp_images_only_each_is_on_one_side(tmp_path: Path) -> None:
    crops = crops_of(save_flat(tmp_path, LEVELS))
    sharp, blurred = levels_in(crops.sharp_batch()), levels_in(crops.blurred_batch())
    assert sharp == {10, 90, 170}
    assert blurred == {50, 130, 210}


def test_an_image_found_twice_is_on_one_side_only(tmp_path: Path) -> None:
    levels = list(LEVELS)[:5]  # an odd number, so that the second time around every other is another
    save_flat(tmp_path / "inner", levels)
    crops = crops_of(tmp_path, tmp_path / "inner", tmp_path / "inner" / ".." / "inner")
    sharp, blurred = levels_in(crops.sharp_batch()), levels_in(crops.blurred_batch())
    assert sharp.isdisjoint(blurred)
    assert sharp | blurred == set(levels)


def test_given_blurred_images_are_shown_as_they_are(tmp_path: Path) -> None:
    sharp, blurred = save_flat(tmp_path / "sharp", [10, 50]), save_flat(tmp_path / "blurred", [90, 130, 170])
    crops = crops_of(sharp, blurred=(blurred,), blur=BlurConfig(noise=(50.0, 50.0)))
    assert levels_in(crops.sharp_batch()) == {10, 50}
    batch = crops.blurred_batch()
    assert levels_in(batch) == {90, 130, 170}
    assert (batch == batch[:, :, :1, :1]).all()


def test_a_single_image_serves_both_sides_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    crops = crops_of(save_flat(tmp_path, [90]))
    assert levels_in(crops.sharp_batch()) == levels_in(crops.blurred_batch()) == {90}
    assert "090.png is the only image" in caplog.text


def test_all_batches_have_the_asked_shape_and_range(pages: Path) -> None:
    crops = crops_of(pages, blur=BlurConfig(path_length=(2.0, 9.0)), crop_size=32, batch_size=3)
    for batch in (crops.sharp_batch(), crops.blurred_batch(), *crops.self_supervised_batch()):
        assert batch.shape == (3, 3, 32, 32)
        assert batch.dtype == torch.float32
        assert batch.min() >= -1
        assert batch.max() <= 1
        assert batch.std() > 0.1


def test_on_the_fly_the_blurred_side_is_blurred(pages: Path) -> None:
    blur = BlurConfig(path_length=(20.0, 20.0), noise=(0.0, 0.0))
    crops = crops_of(pages, blur=blur, crop_size=32)
    assert crops.blurred_batch().std() < 0.8 * crops.sharp_batch().std()


def test_a_blurred_version_lies_upon_its_sharp_crop(pages: Path) -> None:
    sharp, blurred = crops_of(pages).self_supervised_batch()
    torch.testing.assert_close(blurred, sharp, atol=1e-5, rtol=0)
    sharp, blurred = crops_of(pages, blur=BlurConfig(path_length=(6.0, 9.0))).self_supervised_batch()
    assert not torch.allclose(blurred, sharp, atol=0.1)
    together = torch.corrcoef(torch.stack([sharp.flatten(), blurred.flatten()]))[0, 1]
    assert together > 0.5


def test_crops_come_from_everywhere_in_an_image(tmp_path: Path, random: np.random.Generator) -> None:
    y, x = np.mgrid[:20, :24]
    path = save(tmp_path / "a.png", np.stack([y, x, 0 * x], axis=-1).astype(np.uint8))
    crops = ((pool_of(path).crops(300, 16, 0.0, random) + 1) * 127.5).round().int()
    corners = {(int(crop[0, 0, 0]), int(crop[1, 0, 0])) for crop in crops}
    assert corners == {(top, left) for top in range(5) for left in range(9)}
    for crop in crops[:20]:
        assert torch.equal(crop[0] - crop[0, 0, 0], torch.arange(16).int()[:, None].expand(16, 16))


def test_images_smaller_than_a_crop_are_mirrored(tmp_path: Path, random: np.random.Generator) -> None:
    pixels = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    (crop,) = pool_of(save(tmp_path / "a.png", pixels)).crops(1, 16, 0.0, random)
    expected = np.pad(pixels, [(0, 11), (0, 9), (0, 0)], mode="symmetric")
    np.testing.assert_array_equal(((crop + 1) * 127.5).round().permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("margin", [(255, 255, 255), (255, 128, 0)])
def test_minimum_contrast_avoids_flat_crops(
    tmp_path: Path, random: np.random.Generator, margin: tuple[int, int, int]
) -> None:
    page = np.empty((64, 128, 3), np.uint8)
    page[:, :64] = margin
    page[:, 64:] = random.integers(0, 256, (64, 64, 3))
    pool = pool_of(save(tmp_path / "page.png", page))

    def flat(crops: Tensor) -> int:
        return int((crops.std(dim=(2, 3)).amax(dim=1) < 0.01).sum())

    assert flat(pool.crops(60, 16, 0.0, random)) > 15
    assert flat(pool.crops(60, 16, 20.0, random)) <= 1


def test_a_flat_image_is_taken_in_the_end(tmp_path: Path, random: np.random.Generator) -> None:
    save_flat(tmp_path, [90])
    assert levels_in(pool_of(tmp_path / "090.png").crops(2, 16, 100.0, random)) == {90}


def test_the_cache_keeps_what_fits_and_says_once_that_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decoded: list[str] = []

    def counted(path: Path) -> Any:
        decoded.append(path.name)
        return decode_image(path)

    monkeypatch.setattr(data_module, "decode_image", counted)
    save_flat(tmp_path, [10, 50, 90])
    cache = ImageCache(2 * 40 * 40)  # grey: one byte a pixel
    for _ in range(3):
        for level in (10, 50, 90):
            np.testing.assert_array_equal(cache.read(tmp_path / f"{level:03d}.png"), np.full((40, 40, 3), level))
    assert decoded == ["010.png", "050.png", *["090.png"] * 3]
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "full with 2 images" in warning.getMessage()
    assert "data.cache_gigabytes" in warning.getMessage()


def test_a_grey_image_takes_a_third_of_the_memory_and_a_coloured_one_keeps_its_colours(tmp_path: Path) -> None:
    grey, coloured = np.full((40, 40, 3), 90, np.uint8), np.full((40, 40, 3), (90, 90, 91), np.uint8)
    for name, image in {"grey": grey, "coloured": coloured}.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    for name, image, size in (("grey", grey, 1600), ("coloured", coloured, 4800)):
        path = tmp_path / f"{name}.png"
        for room, is_kept in ((size, True), (size - 1, False)):
            cache = ImageCache(room)
            np.testing.assert_array_equal(cache.read(path), image)
            path.rename(tmp_path / "hidden.png")
            if is_kept:
                np.testing.assert_array_equal(cache.read(path), image)
            else:
                with pytest.raises(ImageError, match=name):
                    cache.read(path)
            (tmp_path / "hidden.png").rename(path)


def test_the_warm_start_sees_the_set_aside_half_as_well(tmp_path: Path) -> None:
    save_flat(tmp_path, [10, 50, 90, 130])
    crops = crops_of(tmp_path)
    seen = {level for _ in range(12) for level in levels_in(crops.self_supervised_batch()[0])}
    assert seen == {10, 50, 90, 130}


def test_the_random_source_alone_decides(pages: Path) -> None:
    first, second = crops_of(pages), crops_of(pages)
    assert torch.equal(first.sharp_batch(), second.sharp_batch())
    assert torch.equal(first.blurred_batch(), second.blurred_batch())
    assert not torch.equal(first.sharp_batch(), first.sharp_batch())


def test_there_must_be_sharp_images() -> None:
    with pytest.raises(ImageError, match=r"no sharp images.*data\.sharp"):
        crops_of()


@pytest.mark.parametrize("side", ["sharp", "blurred"])
def test_a_folder_without_images_is_named(tmp_path: Path, pages: Path, side: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no image")
    with pytest.raises(ImageError, match="empty holds no images"):
        crops_of(*((empty,) if side == "sharp" else (pages,)), blurred=(empty,) if side == "blurred" else ())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="missing: no such folder"):
        crops_of(tmp_path / "missing")


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"broken\.png"):
        crops_of(tmp_path).sharp_batch()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_size": 12}, "crop_size is 12"),
        ({"crop_size": 33}, "multiple of 4"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"minimum_contrast": -1.0}, "minimum_contrast is -1"),
        ({"minimum_contrast": 200.0}, r"give 0 to 127\.5"),
        ({"minimum_contrast": math.nan}, "minimum_contrast is nan"),
        ({"cache_gigabytes": -0.5}, "cache_gigabytes is -0.5"),
        ({"cache_gigabytes": math.inf}, "cache_gigabytes is inf"),
        ({"cache_gigabytes": math.nan}, "cache_gigabytes is nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(**settings)
