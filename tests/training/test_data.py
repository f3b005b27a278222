from __future__ import annotations

import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.flat_images import LEVELS, NO_BLUR, crops_of, levels_in, save, save_flat
from udsd.degradation import BlurConfig
from udsd.domains.resampling import scaled
from udsd.errors import ConfigError, ImageError
from udsd.images import decode_image
from udsd.images.levels import to_levels, to_pixels
from udsd.models import white_balance
from udsd.training.crops import Crops
from udsd.training.data import TrainingCrops
from udsd.training.data_config import DataConfig
from udsd.training.prefetch import prefetch

CPU = torch.device("cpu")
GIVE_UP = 600.0
"""Seconds after which a test that waits for what never happens fails; no other test depends on it."""


def blurred_side(crops: Crops) -> Tensor:
    """The blurred side of a batch."""
    return crops.to_device(CPU)[1]


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
    parts = [TrainingCrops(config, NO_BLUR, 0, process=process, processes=2).sharp(0).pixels for process in (0, 1)]
    assert [len(part) for part in parts] == [3, 3]
    assert not torch.equal(*parts)
    with pytest.raises(ConfigError, match=r"batch_size is 6, for 4 processes together; give a multiple"):
        TrainingCrops(config, NO_BLUR, 0, process=0, processes=4)


def test_an_epoch_draws_as_many_crops_as_there_are_sharp_images(tmp_path: Path) -> None:
    save_flat(tmp_path / "sharp", LEVELS)
    save_flat(tmp_path / "blurred", [20])
    crops = crops_of(tmp_path / "sharp", blurred=(tmp_path / "blurred",), batch_size=4)
    assert crops.steps_per_epoch == 2  # six images


def test_images_are_described_by_what_the_stages_use(tmp_path: Path) -> None:
    sharp, blurred = save_flat(tmp_path / "sharp", LEVELS), save_flat(tmp_path / "blurred", [20])
    alone, both = crops_of(sharp), crops_of(sharp, blurred=(blurred,))
    assert alone.description(unpaired=True) == "3 sharp, 3 more to be blurred on the fly"
    assert alone.description(unpaired=False) == "6 sharp, which are blurred on the fly"
    assert both.description(unpaired=True) == "6 sharp, 1 blurred"
    assert both.description(unpaired=False) == "6 sharp, which are blurred on the fly (1 blurred ones are not used)"
    counts = {
        (name, unpaired): {role: facts["count"] for role, facts in crops.facts(unpaired=unpaired).items()}
        for name, crops in (("alone", alone), ("both", both))
        for unpaired in (True, False)
    }
    assert counts == {
        ("alone", True): {"sharp": 3, "sharp, blurred on the fly": 3},
        ("alone", False): {"sharp, blurred on the fly": 6},
        ("both", True): {"sharp": 6, "blurred": 1},
        ("both", False): {"sharp, blurred on the fly": 6},
    }
    assert both.facts(unpaired=True)["sharp"] == {
        "count": 6,
        "smallest": (40, 40),
        "median": (40, 40),
        "largest": (40, 40),
    }


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


@pytest.fixture
def tinted(tmp_path: Path) -> Path:
    """A page of ink and of highlights brighter than its tinted ground."""
    page = np.full((40, 40, 3), (200, 180, 160), np.uint8)
    page[:8, :10] = 0
    page[20:24, 20:26] = 250
    return save(tmp_path / "tinted" / "page.png", page)


def as_used(path: Path, *, wanted: bool = True) -> Tensor:
    """An image as the networks are given it when a model is used, (1, 3, H, W)."""
    pixels = decode_image(path).pixels
    return white_balance(pixels, wanted=wanted).apply(pixels)


@pytest.mark.parametrize("wanted", [True, False])
def test_crops_are_what_a_model_is_shown_when_it_is_used(tinted: Path, wanted: bool) -> None:
    config = DataConfig(sharp=(str(tinted.parent),), crop_size=40, batch_size=2)
    crops = TrainingCrops(config, NO_BLUR, 0, balance_white=wanted)
    expected = as_used(tinted, wanted=wanted).expand(2, -1, -1, -1)
    assert (expected.max() > 1.2) == wanted  # the highlights are not cut off
    for batch in (crops.sharp(0).to_device(CPU)[0], crops.pairs(0).to_device(CPU)[0]):
        torch.testing.assert_close(batch, expected)
    blurred = TrainingCrops(replace(config, blurred=(str(tinted.parent),), sharp=(str(other(tinted)),)), NO_BLUR, 0)
    assert torch.equal(blurred.blurred(0).pixels, crops.sharp(0).pixels)


def other(path: Path) -> Path:
    """A folder of another image."""
    return save_flat(path.parent.parent / "other", [30])


def test_noise_and_range_are_those_of_the_camera_not_of_the_balanced_page(tinted: Path) -> None:
    """Noise is added, cut off and rounded in the image's own grey levels, and scaled with them."""
    blur = BlurConfig(path_length=(0.0, 0.0), noise=(20.0, 20.0))
    config = DataConfig(sharp=(str(tinted.parent),), crop_size=40, batch_size=40)
    crops = TrainingCrops(config, blur, 0, balance_white=True).pairs(0)
    _, blurred = crops.to_device(CPU)
    assert crops.gains is not None
    levels = ((blurred + 1) / crops.gains) * 127.5
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    assert levels.min() >= -1e-3
    assert levels.max() == pytest.approx(255, abs=1e-3)
    ground = levels[:, :, 30:, 30:]
    assert ground.std(dim=(2, 3)).mean().item() == pytest.approx(20, rel=0.05)
    assert ground.amax() > 230  # brighter than the paper, and not cut off at white


def test_an_enlarged_picture_is_what_a_model_is_shown_when_it_is_used(tinted: Path) -> None:
    """White balance comes after the enlarging: the small picture is in the page's own colours."""
    blur = replace(NO_BLUR, enlarged_probability=1.0, enlarged_factor=(2.0, 2.0))
    config = DataConfig(sharp=(str(tinted.parent),), crop_size=40, batch_size=1)
    sharp, shown = TrainingCrops(config, blur, 0, balance_white=True).pairs(0).to_device(CPU)
    torch.testing.assert_close(sharp, as_used(tinted))
    small = to_pixels(to_levels(scaled(decode_image(tinted).pixels, 0.5)))
    gain = white_balance(decode_image(tinted).pixels, wanted=True)
    torch.testing.assert_close(shown, gain.apply(scaled(small, 2)), atol=0.01, rtol=0)


@pytest.mark.parametrize("balance_white", [True, False])
def test_crops_are_shown_at_the_scale_of_use(tinted: Path, balance_white: bool) -> None:
    """Blur and grain are those of the image in its own size; then it is enlarged, and its ground scaled to white."""
    config = DataConfig(sharp=(str(tinted.parent),), crop_size=80, batch_size=2)
    grainy = replace(NO_BLUR, noise=(20.0, 20.0))
    crops = TrainingCrops(config, grainy, 0, balance_white=balance_white, input_scale=2).pairs(0)
    sharp, _ = crops.to_device(CPU)
    expected = white_balance(decode_image(tinted).pixels, wanted=balance_white).apply(
        scaled(decode_image(tinted).pixels, 2)
    )
    torch.testing.assert_close(sharp, expected.expand(2, -1, -1, -1))
    _, small = replace(crops, shown=None, gains=None).to_device(CPU)
    assert small.shape[-2:] == (40, 40)
    assert torch.equal(replace(crops, gains=None).to_device(CPU)[1], scaled(small, 2))


def test_real_pairs_are_shown_at_the_scale_of_use(tmp_path: Path) -> None:
    for name, level in (("blurred", 90), ("sharp", 170)):
        save(tmp_path / name / "1.png", np.full((40, 40, 3), level, np.uint8))
    config = DataConfig(
        pairs=(str(tmp_path / "blurred"), str(tmp_path / "sharp")), crop_size=32, batch_size=2, held_out=0
    )
    crops = TrainingCrops(config, NO_BLUR, 0, input_scale=0.8).pairs(0)
    assert crops.pixels.shape == (2, 3, 40, 40)
    for side, level in zip(crops.to_device(CPU), (170, 90), strict=True):
        torch.testing.assert_close(side, torch.full((2, 3, 32, 32), level / 127.5 - 1))


def test_paper_reprinted_is_as_a_model_would_see_it(tinted: Path) -> None:
    config = DataConfig(sharp=(str(tinted.parent),), crop_size=40, batch_size=40, other_paper=1.0)
    crops = TrainingCrops(config, NO_BLUR, 0, balance_white=True).sharp(0)
    sharp, _ = crops.to_device(CPU)
    brightest = sharp.amax(dim=(2, 3))
    torch.testing.assert_close(
        brightest, torch.ones_like(brightest), atol=0.08, rtol=0
    )  # ink may lie where it is lightest


def test_crops_on_other_paper_are_a_function_of_the_step(tmp_path: Path) -> None:
    folder = save_flat(tmp_path / "sharp", LEVELS)
    plain, printed = crops_of(folder), crops_of(folder, other_paper=0.5)
    assert torch.equal(printed.sharp(3).pixels, printed.sharp(3).pixels)
    changed = (printed.sharp(3).pixels != plain.sharp(3).pixels).any(dim=(1, 2, 3))
    assert 8 < int(changed.sum()) < 32
    with pytest.raises(ConfigError, match="other_paper is 2"):
        crops_of(folder, other_paper=2)


@pytest.mark.parametrize("balance_white", [True, False])
def test_a_share_of_the_pairs_has_no_print(tinted: Path, balance_white: bool) -> None:
    config = DataConfig(sharp=(str(tinted.parent),), crop_size=40, batch_size=40)
    plain, some = (
        TrainingCrops(replace(config, flat_share=share), NO_BLUR, 0, balance_white=balance_white)
        for share in (0.0, 0.5)
    )
    changed = (plain.pairs(0).pixels != some.pairs(0).pixels).any(dim=(1, 2, 3))
    assert 8 < int(changed.sum()) < 32
    sharp, blurred = some.pairs(0).to_device(CPU)
    torch.testing.assert_close(sharp, blurred, atol=0.01, rtol=0)
    assert (sharp.amax(dim=(1, 2, 3)) < -0.4).any()  # dark, and not made white
    # The two sides of the unpaired stage have none.
    for name in ("sharp", "blurred"):
        assert torch.equal(getattr(plain, name)(0).pixels, getattr(some, name)(0).pixels)
    with pytest.raises(ConfigError, match="flat_share is 2; give a share from 0 to 1"):
        DataConfig(flat_share=2)


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_processes_draw_what_threads_draw_bit_for_bit(pages: Path) -> None:
    blur = BlurConfig(
        path_length=(2.0, 9.0),
        straight_probability=0.3,
        defocus_probability=0.5,
        noise=(0.0, 9.0),
        jpeg_probability=0.5,
        enlarged_probability=0.5,
    )
    settings: dict[str, Any] = {
        "batch_size": 5,
        "other_paper": 0.5,
        "flat_share": 0.3,
        "flip": True,
        "scales": (0.8, 1.3),
    }

    def batches(*, in_processes: bool) -> list[dict[str, Crops]]:
        crops = crops_of(pages, blur=blur, worker_processes=in_processes, **settings)

        def draw(step: int) -> dict[str, Crops]:
            return {name: getattr(crops, name)(step) for name in ("sharp", "blurred", "pairs")}

        return list(prefetch(draw, range(3, 43), 2, in_processes=in_processes))

    # Processes first: threads that are just ending are not to be forked.
    by_processes, by_threads = (batches(in_processes=in_processes) for in_processes in (True, False))
    for ours, theirs in zip(by_threads, by_processes, strict=True):
        for name, crops in ours.items():
            assert torch.equal(crops.pixels, theirs[name].pixels)
            first, second = (images.to_device(CPU) for images in (crops, theirs[name]))
            assert all(map(torch.equal, first, second))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_what_one_process_decodes_all_have(pages: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    shutil.copytree(pages, folder)
    crops = crops_of(folder, worker_processes=True, batch_size=200)
    assert len(list(prefetch(crops.pairs, range(1), 1, in_processes=True))) == 1
    expected = crops_of(pages, batch_size=200).pairs(5).pixels
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert torch.equal(crops.pairs(5).pixels, expected)


def test_worker_processes_are_refused_where_there_is_no_fork(pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigError, match="worker_processes is for Linux; set it to false"):
        crops_of(pages, worker_processes=True)
