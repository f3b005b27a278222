from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tests.training.flat_images import crops_of, levels_in, save, save_flat
from udsd.errors import ImageError
from udsd.images import decode_image
from udsd.training import image_pool
from udsd.training.image_pool import ImageCache, ImagePool

CPU = torch.device("cpu")
GIVE_UP = 600.0
"""Seconds after which a test that waits for what never happens fails; no other test depends on it."""


def pool_of(*files: Path) -> ImagePool:
    return ImagePool(files, ImageCache(2**20))


def levels_of(cache: ImageCache, path: Path) -> NDArray[np.uint8]:
    image = cache.read(path)
    assert image is not None
    return image.levels


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_crops_come_from_everywhere_in_an_image(tmp_path: Path, random: np.random.Generator) -> None:
    y, x = np.mgrid[:20, :24]
    path = save(tmp_path / "a.png", np.stack([y, x, 0 * x], axis=-1).astype(np.uint8))
    crops = pool_of(path).crops(300, 16, random).pixels.int()
    corners = {(int(crop[0, 0, 0]), int(crop[1, 0, 0])) for crop in crops}
    assert corners == {(top, left) for top in range(5) for left in range(9)}
    for crop in crops[:20]:
        assert torch.equal(crop[0] - crop[0, 0, 0], torch.arange(16).int()[:, None].expand(16, 16))


def test_images_smaller_than_a_crop_are_mirrored(tmp_path: Path, random: np.random.Generator) -> None:
    pixels = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    (crop,) = pool_of(save(tmp_path / "a.png", pixels)).crops(1, 16, random).pixels
    expected = np.pad(pixels, [(0, 11), (0, 9), (0, 0)], mode="symmetric")
    np.testing.assert_array_equal(crop.permute(1, 2, 0).numpy(), expected)


def test_the_margin_of_a_crop_is_the_images_own_where_there_is_room(
    tmp_path: Path, random: np.random.Generator
) -> None:
    y, x = np.mgrid[:22, :20]
    pixels = np.stack([y, x, 0 * x], axis=-1).astype(np.uint8)
    crops = pool_of(save(tmp_path / "a.png", pixels)).crops(300, 12, random, margin=4).pixels.int()
    starts = {(int(crop[0, 4, 4]), int(crop[1, 4, 4])) for crop in crops}
    assert starts == {(top, left) for top in (4, 5, 6) for left in (4,)}
    assert (crops[:, 0].diff(dim=1) == 1).all()


def test_without_room_crops_still_come_from_everywhere_and_their_margin_is_mirrored(
    tmp_path: Path, random: np.random.Generator
) -> None:
    y, x = np.mgrid[:16, :18]
    pixels = np.stack([y, x, 0 * x], axis=-1).astype(np.uint8)
    crops = pool_of(save(tmp_path / "a.png", pixels)).crops(300, 12, random, margin=4).pixels
    starts = {(int(crop[0, 4, 4]), int(crop[1, 4, 4])) for crop in crops}
    assert starts == {(top, left) for top in range(5) for left in range(7)}
    mirrored = np.pad(pixels, [(4, 4), (4, 4), (0, 0)], mode="symmetric")
    for crop in crops[:50]:
        top, left = int(crop[0, 4, 4]), int(crop[1, 4, 4])
        np.testing.assert_array_equal(crop.permute(1, 2, 0).numpy(), mirrored[top : top + 20, left : left + 20])


@pytest.mark.parametrize("margin", [(255, 255, 255), (255, 128, 0)])
def test_minimum_contrast_avoids_flat_crops(
    tmp_path: Path, random: np.random.Generator, margin: tuple[int, int, int]
) -> None:
    page = np.empty((64, 128, 3), np.uint8)
    page[:, :64] = margin
    page[:, 64:] = random.integers(0, 256, (64, 64, 3))
    pool = pool_of(save(tmp_path / "page.png", page))

    def flat(crops: Tensor) -> int:
        return int((crops.float().std(dim=(2, 3)).amax(dim=1) < 1).sum())

    assert flat(pool.crops(60, 16, random).pixels) > 15
    assert flat(pool.crops(60, 16, random, minimum_contrast=20.0).pixels) <= 1


def test_a_flat_image_is_taken_in_the_end(tmp_path: Path, random: np.random.Generator) -> None:
    save_flat(tmp_path, [90])
    assert levels_in(pool_of(tmp_path / "090.png").crops(2, 16, random, minimum_contrast=100.0)) == {90}


def test_the_cache_keeps_what_fits_and_says_once_that_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decoded: list[str] = []

    def counted(path: Path) -> Any:
        decoded.append(path.name)
        return decode_image(path)

    monkeypatch.setattr(image_pool, "decode_image", counted)
    save_flat(tmp_path, [10, 50, 90])
    cache = ImageCache(2 * 40 * 40)  # grey: one byte a pixel
    for _ in range(3):
        for level in (10, 50, 90):
            np.testing.assert_array_equal(levels_of(cache, tmp_path / f"{level:03d}.png"), np.full((40, 40, 3), level))
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
            np.testing.assert_array_equal(levels_of(cache, path), image)
            path.rename(tmp_path / "hidden.png")
            assert (cache.read(path) is not None) == is_kept
            (tmp_path / "hidden.png").rename(path)


def test_flips_mirror_half_of_the_crops_left_to_right(tmp_path: Path, random: np.random.Generator) -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[None, :, None] * 8, (32, 32, 3))
    pool = pool_of(save(tmp_path / "ramp.png", np.ascontiguousarray(ramp)))
    crops = pool.crops(200, 16, random, flip=True).pixels.int()
    rising = crops[:, 0, 0, -1] > crops[:, 0, 0, 0]
    assert 70 < rising.sum() < 130
    assert (crops.diff(dim=3).abs() == 8).all()
    assert (pool.crops(50, 16, random).pixels.int().diff(dim=3) == 8).all()


def test_a_file_that_cannot_be_decoded_is_left_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_flat(tmp_path, [10, 50])
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    broken = save(tmp_path / "090.png", noise)
    broken.write_bytes(broken.read_bytes()[:500])  # the header is whole
    crops = crops_of(tmp_path)
    assert levels_in(crops.pairs(0)) == {10, 50}
    assert levels_in(crops.pairs(1)) == {10, 50}
    assert caplog.text.count("a training image is left out") == 1
    assert "090.png" in caplog.text


def test_files_none_of_which_can_be_decoded_end_the_run(tmp_path: Path) -> None:
    broken = save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    broken.write_bytes(broken.read_bytes()[:500])
    with pytest.raises(ImageError, match=r"none of the 2 training images can be decoded; the first is .*a\.png"):
        crops_of(tmp_path).pairs(0)  # the only image is on both sides


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"broken\.png"):
        crops_of(tmp_path).sharp(0)
