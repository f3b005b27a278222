from __future__ import annotations

import logging
import math
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from udsd.degradation import BlurConfig
from udsd.errors import ConfigError, ImageError
from udsd.images import decode_image
from udsd.training import data as data_module
from udsd.training.data import Crops, DataConfig, ImageCache, ImagePool, UnpairedCrops, prefetch

CPU = torch.device("cpu")
GIVE_UP = 600.0
"""Seconds after which a test that waits for what never happens fails; no other test depends on it."""
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
    *sharp: Path, blurred: tuple[Path, ...] = (), blur: BlurConfig = NO_BLUR, seed: int = 0, **settings: Any
) -> UnpairedCrops:
    folders: dict[str, Any] = {"sharp": tuple(map(str, sharp)), "blurred": tuple(map(str, blurred))}
    config = DataConfig(**({"crop_size": 16, "batch_size": 40} | folders | settings))
    return UnpairedCrops(config, blur, seed)


def pool_of(*files: Path) -> ImagePool:
    return ImagePool(files, ImageCache(2**20))


def levels_in(crops: Crops) -> set[int]:
    middle = crops.pixels.shape[-1] // 2
    return set(crops.pixels[:, 0, middle, middle].tolist())


def blurred_side(crops: Crops) -> Tensor:
    """The blurred side of a batch."""
    return crops.to_device(CPU)[1]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_with_sharp_images_only_each_is_on_one_side(tmp_path: Path) -> None:
    crops = crops_of(save_flat(tmp_path, LEVELS))
    sharp, blurred = levels_in(crops.sharp(0)), levels_in(crops.blurred(0))
    assert sharp == {10, 90, 170}
    assert blurred == {50, 130, 210}


def test_an_image_found_twice_is_on_one_side_only(tmp_path: Path) -> None:
    levels = list(LEVELS)[:5]  # an odd number, so that the second time around every other is another
    save_flat(tmp_path / "inner", levels)
    crops = crops_of(tmp_path, tmp_path / "inner", tmp_path / "inner" / ".." / "inner")
    sharp, blurred = levels_in(crops.sharp(0)), levels_in(crops.blurred(0))
    assert sharp.isdisjoint(blurred)
    assert sharp | blurred == set(levels)


def test_given_blurred_images_are_shown_as_they_are(tmp_path: Path) -> None:
    sharp, blurred = save_flat(tmp_path / "sharp", [10, 50]), save_flat(tmp_path / "blurred", [90, 130, 170])
    crops = crops_of(sharp, blurred=(blurred,), blur=BlurConfig(noise=(50.0, 50.0)))
    assert levels_in(crops.sharp(0)) == {10, 50}
    batch = crops.blurred(0)
    assert levels_in(batch) == {90, 130, 170}
    assert batch.blur is None
    assert torch.equal(blurred_side(batch), batch.pixels.float() / 127.5 - 1)


def test_a_single_image_serves_both_sides_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    crops = crops_of(save_flat(tmp_path, [90]))
    assert levels_in(crops.sharp(0)) == levels_in(crops.blurred(0)) == {90}
    assert "090.png is the only image" in caplog.text


def test_all_batches_have_the_asked_shape_and_range(pages: Path) -> None:
    crops = crops_of(pages, blur=BlurConfig(path_length=(2.0, 9.0)), crop_size=32, batch_size=3)
    for batch in (blurred_side(crops.sharp(0)), blurred_side(crops.blurred(0)), *crops.pairs(0).to_device(CPU)):
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert batch.shape == (3, 3, 32, 32)
        assert batch.dtype == torch.float32
        assert batch.min() >= -1
        assert batch.max() <= 1
        assert batch.std() > 0.1


def test_on_the_fly_the_blurred_side_is_blurred(pages: Path) -> None:
    blur = BlurConfig(path_length=(20.0, 20.0), noise=(0.0, 0.0))
    crops = crops_of(pages, blur=blur, crop_size=32)
    assert blurred_side(crops.blurred(0)).std() < 0.8 * blurred_side(crops.sharp(0)).std()


def test_a_blurred_version_lies_upon_its_sharp_crop(pages: Path) -> None:
    sharp, blurred = crops_of(pages).pairs(0).to_device(CPU)
    torch.testing.assert_close(blurred, sharp, atol=1e-5, rtol=0)
    sharp, blurred = crops_of(pages, blur=BlurConfig(path_length=(6.0, 9.0))).pairs(0).to_device(CPU)
    assert not torch.allclose(blurred, sharp, atol=0.1)
    together = torch.corrcoef(torch.stack([sharp.flatten(), blurred.flatten()]))[0, 1]
    assert together > 0.5


def test_crops_come_from_everywhere_in_an_image(tmp_path: Path, random: np.random.Generator) -> None:
    y, x = np.mgrid[:20, :24]
    path = save(tmp_path / "a.png", np.stack([y, x, 0 * x], axis=-1).astype(np.uint8))
    crops = pool_of(path).crops(300, 16, random).int()
    corners = {(int(crop[0, 0, 0]), int(crop[1, 0, 0])) for crop in crops}
    assert corners == {(top, left) for top in range(5) for left in range(9)}
    for crop in crops[:20]:
        assert torch.equal(crop[0] - crop[0, 0, 0], torch.arange(16).int()[:, None].expand(16, 16))


def test_images_smaller_than_a_crop_are_mirrored(tmp_path: Path, random: np.random.Generator) -> None:
    pixels = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    (crop,) = pool_of(save(tmp_path / "a.png", pixels)).crops(1, 16, random)
    expected = np.pad(pixels, [(0, 11), (0, 9), (0, 0)], mode="symmetric")
    np.testing.assert_array_equal(crop.permute(1, 2, 0).numpy(), expected)


def test_the_margin_of_a_crop_is_the_images_own_where_there_is_room(
    tmp_path: Path, random: np.random.Generator
) -> None:
    y, x = np.mgrid[:22, :20]
    pixels = np.stack([y, x, 0 * x], axis=-1).astype(np.uint8)
    crops = pool_of(save(tmp_path / "a.png", pixels)).crops(300, 12, random, margin=4).int()
    starts = {(int(crop[0, 4, 4]), int(crop[1, 4, 4])) for crop in crops}
    assert starts == {(top, left) for top in (4, 5, 6) for left in (4,)}
    assert (crops[:, 0].diff(dim=1) == 1).all()


def test_without_room_crops_still_come_from_everywhere_and_their_margin_is_mirrored(
    tmp_path: Path, random: np.random.Generator
) -> None:
    y, x = np.mgrid[:16, :18]
    pixels = np.stack([y, x, 0 * x], axis=-1).astype(np.uint8)
    crops = pool_of(save(tmp_path / "a.png", pixels)).crops(300, 12, random, margin=4)
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

    assert flat(pool.crops(60, 16, random)) > 15
    assert flat(pool.crops(60, 16, random, minimum_contrast=20.0)) <= 1


def test_a_flat_image_is_taken_in_the_end(tmp_path: Path, random: np.random.Generator) -> None:
    save_flat(tmp_path, [90])
    assert levels_in(Crops(pool_of(tmp_path / "090.png").crops(2, 16, random, minimum_contrast=100.0))) == {90}


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
            assert (cache.read(path) is not None) == is_kept
            (tmp_path / "hidden.png").rename(path)


def test_the_warm_start_sees_the_set_aside_half_as_well(tmp_path: Path) -> None:
    save_flat(tmp_path, [10, 50, 90, 130])
    crops = crops_of(tmp_path)
    levels = levels_in(crops.pairs(0))
    assert levels == {10, 50, 90, 130}


def test_a_batch_depends_on_seed_purpose_and_step_alone(pages: Path) -> None:
    first, second, other = crops_of(pages), crops_of(pages), crops_of(pages, seed=1)
    for name in ("sharp", "blurred", "pairs"):
        draw, again, differently = (getattr(crops, name) for crops in (first, second, other))
        assert torch.equal(blurred_side(draw(7)), blurred_side(again(7)))  # the second has not drawn the six before
        assert torch.equal(blurred_side(draw(7)), blurred_side(draw(7)))
        assert not torch.equal(blurred_side(draw(7)), blurred_side(draw(8)))
        assert not torch.equal(blurred_side(draw(7)), blurred_side(differently(7)))


def test_processes_share_a_batch_and_draw_other_crops(pages: Path) -> None:
    config = DataConfig(sharp=(str(pages),), crop_size=16, batch_size=6)
    parts = [UnpairedCrops(config, NO_BLUR, 0, process=process, processes=2).sharp(0).pixels for process in (0, 1)]
    assert [len(part) for part in parts] == [3, 3]
    assert not torch.equal(*parts)
    with pytest.raises(ConfigError, match=r"batch_size is 6, for 4 processes together; give a multiple"):
        UnpairedCrops(config, NO_BLUR, 0, process=0, processes=4)


def test_flips_mirror_half_of_the_crops_left_to_right(tmp_path: Path, random: np.random.Generator) -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[None, :, None] * 8, (32, 32, 3))
    pool = pool_of(save(tmp_path / "ramp.png", np.ascontiguousarray(ramp)))
    crops = pool.crops(200, 16, random, flip=True).int()
    rising = crops[:, 0, 0, -1] > crops[:, 0, 0, 0]
    assert 70 < rising.sum() < 130
    assert (crops.diff(dim=3).abs() == 8).all()
    assert (pool.crops(50, 16, random).int().diff(dim=3) == 8).all()


def test_an_epoch_draws_as_many_crops_as_there_are_sharp_images(tmp_path: Path) -> None:
    save_flat(tmp_path / "sharp", LEVELS)
    save_flat(tmp_path / "blurred", [20])
    crops = crops_of(tmp_path / "sharp", blurred=(tmp_path / "blurred",), batch_size=4)
    assert crops.steps_per_epoch == 2  # six images


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


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_are_prefetched_in_their_order_and_no_further_than_that(workers: int) -> None:
    drawn: list[int] = []

    def draw(step: int) -> int:
        drawn.append(step)
        return step * step

    with closing(prefetch(draw, range(5, 1000), workers)) as batches:
        assert [next(batches) for _ in range(20)] == [step * step for step in range(5, 25)]
    # Closing waits for the threads, so that nothing is drawn from here on.
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("udsd-data")]
    assert set(range(5, 25)) <= set(drawn)
    assert len(drawn) <= 20 + 2 * workers
    assert list(prefetch(draw, range(3), workers)) == [0, 1, 4]


def test_a_batch_that_takes_longer_does_not_change_the_order() -> None:
    second = threading.Event()

    def draw(step: int) -> int:
        if step == 0:
            assert second.wait(GIVE_UP)
        second.set()
        return step

    assert list(prefetch(draw, range(4), workers=2)) == [0, 1, 2, 3]


def test_batches_are_drawn_before_they_are_asked_for() -> None:
    ahead = threading.Event()

    def draw(step: int) -> int:
        if step == 2:
            ahead.set()
        return step

    with closing(prefetch(draw, range(1000), workers=1)) as batches:
        assert next(batches) == 0
        assert ahead.wait(GIVE_UP)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_worker_reaches_the_loop(workers: int) -> None:
    def draw(step: int) -> int:
        if step == 3:
            raise ImageError("broken")
        return step

    batches = prefetch(draw, range(10), workers)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match="broken"):
        next(batches)


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
        crops_of(tmp_path).sharp(0)


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
        ({"workers": -1}, "workers is -1; give 0 to 64"),
        ({"cache_gigabytes": math.nan}, "cache_gigabytes is nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(**settings)


def test_images_are_shown_on_white_to_a_model_that_balances_it(tmp_path: Path) -> None:
    page = np.full((40, 40, 3), (200, 180, 160), np.uint8)
    page[:4, :10] = 0
    path = save(tmp_path / "page.png", page)
    balanced = ImageCache(2**20, balance_white=True).read(path)
    assert balanced is not None
    assert balanced[0, 0].tolist() == [0, 0, 0]
    assert np.abs(balanced[20, 20].astype(int) - 255).max() <= 1
    plain = ImageCache(2**20).read(path)
    assert plain is not None
    assert plain[20, 20].tolist() == [200, 180, 160]


def test_crops_on_other_paper_are_a_function_of_the_step(tmp_path: Path) -> None:
    folder = save_flat(tmp_path / "sharp", LEVELS)
    plain, printed = crops_of(folder), crops_of(folder, other_paper=0.5)
    assert torch.equal(printed.sharp(3).pixels, printed.sharp(3).pixels)
    changed = (printed.sharp(3).pixels != plain.sharp(3).pixels).any(dim=(1, 2, 3))
    assert 8 < int(changed.sum()) < 32
    with pytest.raises(ConfigError, match="other_paper is 2"):
        crops_of(folder, other_paper=2)
