from __future__ import annotations

import logging
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import MAKER, ORIENTATION, deep_png, identity, random_image, srgb_profile
from udsd.errors import ImageError
from udsd.images import decode_image, save_image

PROFILE = srgb_profile()


def palette_image(transparency: int | bytes | None) -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(9, 6), (1, 1)])
def test_round_trip(mode: str, size: tuple[int, int]) -> None:
    image = random_image(mode, size)
    result = identity(image)
    assert result.mode == mode
    np.testing.assert_array_equal(np.asarray(result), np.asarray(image))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("ending", [".png", ".tif", ".jp2"])
def test_round_trip_through_files(mode: str, ending: str, tmp_path: Path) -> None:
    image = random_image(mode, (40, 33))
    path = tmp_path / f"image{ending}"
    save_image(image, path)
    result = identity(path)
    assert result.mode == mode
    np.testing.assert_array_equal(np.asarray(result), np.asarray(image))


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (random_image("L").convert("1"), "L"),
        (palette_image(None), "RGB"),
        (palette_image(1), "RGBA"),
        (palette_image(b"\x00\x80\xff"), "RGBA"),
        (random_image("RGBA").convert("RGBa"), "RGBA"),
        (random_image("LA").convert("La"), "LA"),
        (palette_image(None).convert("PA"), "RGBA"),
        (random_image("RGB").convert("RGBX"), "RGB"),
        (random_image("RGB").convert("CMYK"), "RGB"),
        (random_image("RGB").convert("YCbCr"), "RGB"),
        (random_image("RGB").convert("HSV"), "RGB"),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_modes_become_what_they_show(image: Image.Image, mode: str) -> None:
    result = identity(image)
    assert result.mode == mode
    np.testing.assert_array_equal(np.asarray(result), np.asarray(image.convert(mode)))


def test_lab_becomes_rgb() -> None:
    lab = Image.new("LAB", (2, 2), (255, 128, 128))
    assert identity(lab).mode == "RGB"


def test_palette_transparency_stays() -> None:
    assert [pixel[3] for pixel in np.asarray(identity(palette_image(b"\x00\x80\xff")))[0]] == [0, 128, 255]


def test_colour_key_becomes_alpha(tmp_path: Path) -> None:
    path = tmp_path / "key.png"
    Image.new("L", (2, 1), 7).save(path, transparency=7)
    result = identity(path)
    assert result.mode == "LA"
    assert np.asarray(result)[..., 1].tolist() == [[0, 0]]


def test_big_endian_sixteen_bit() -> None:
    values = np.array([[0, 1, 256, 65535]], dtype=np.uint16)
    image = Image.frombytes("I;16B", (4, 1), values.astype(">u2").tobytes())
    result = identity(image)
    assert result.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(result), values)


def test_sixteen_bit_grey_map_of_netpbm(tmp_path: Path) -> None:
    path = tmp_path / "grey.pgm"
    path.write_bytes(b"P5 2 1 65535\n" + struct.pack(">2H", 258, 65535))
    result = identity(path)
    assert result.mode == "I;16"
    assert np.asarray(result).tolist() == [[258, 65535]]


@pytest.mark.parametrize("mode", ["F", "I"])
def test_modes_without_range_are_refused(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    Image.new(mode, (2, 2)).save(path)
    for image in (path, Image.new(mode, (2, 2))):
        with pytest.raises(ImageError, match=f"mode {mode} has no fixed range"):
            decode_image(image)


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_empty_image(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="empty"):
        decode_image(Image.new("RGB", size))


def test_closed_image() -> None:
    image = Image.new("RGB", (2, 2))
    image.close()
    with pytest.raises(ImageError, match="image: "):
        decode_image(image)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(orientation: int, ending: str, tmp_path: Path) -> None:
    # Top left red, top right blue, bottom left green, seen upright.
    upright = np.zeros((32, 48, 3), dtype=np.uint8)
    upright[:16, :24], upright[:16, 24:], upright[16:, :24] = (255, 0, 0), (0, 0, 255), (0, 255, 0)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Leica"
    path = tmp_path / f"photo{ending}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    result = identity(path)
    assert result.size == (48, 32)
    assert ORIENTATION not in result.getexif()
    np.testing.assert_allclose(np.asarray(result)[4::16, 4::24].astype(int), upright[4::16, 4::24], atol=12)
    if ending != ".tif":
        assert result.getexif()[MAKER] == "Leica"


def test_broken_exif_loses_only_the_exif() -> None:
    image = random_image("RGB")
    image.info["exif"] = b"Exif\0\0II*\0\xff\xff"
    result = identity(image)
    np.testing.assert_array_equal(np.asarray(result), np.asarray(image))


def test_exif_that_is_no_exif_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    image = random_image("RGB")
    image.info["exif"] = b"not EXIF at all"
    assert "exif" not in identity(image).info
    assert "EXIF cannot be read" in caplog.text


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_profile_and_resolution_are_carried(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    random_image(mode).save(path, icc_profile=PROFILE, dpi=(300, 150))
    result = identity(path)
    assert result.info == {"icc_profile": PROFILE, "dpi": (300.0, 150.0)}


def test_profile_of_converted_colours_is_dropped() -> None:
    image = random_image("RGB").convert("CMYK")
    image.info.update(icc_profile=b"a profile of inks", dpi=(300, 300))
    assert identity(image).info == {"dpi": (300.0, 300.0)}


@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"), 72), (1e9, 1e9), ("a", "b"), (72,), 72])
def test_absurd_resolution_is_dropped(dpi: object) -> None:
    image = random_image("L")
    image.info["dpi"] = dpi
    assert "dpi" not in identity(image).info


def test_image_given_is_not_changed() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = random_image("RGB")
    image.info["exif"] = exif.tobytes()
    before = dict(image.info), image.tobytes()
    identity(image)
    assert (dict(image.info), image.tobytes()) == before


def test_first_of_several_pages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "pages.tif"
    pages = [Image.new("L", (4, 4), level) for level in (10, 20, 30)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert np.unique(np.asarray(identity(path))).tolist() == [10]
    assert "has 3 pages" in caplog.text
    assert str(path) in caplog.text


def test_sixteen_bit_colours_in_eight_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(deep_png(np.array([[[0, 257, 514], [65535, 32896, 1028]]], np.uint16)))
    assert np.asarray(identity(path)).tolist() == [[[0, 1, 2], [255, 128, 4]]]
    assert "Pillow holds 8 bits per colour" in caplog.text


def test_ordinary_images_log_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="udsd")
    for mode, ending in (("RGB", ".png"), ("I;16", ".png"), ("L", ".jpg"), ("I;16", ".tif")):
        save_image(random_image(mode), tmp_path / f"image{ending}")
        identity(tmp_path / f"image{ending}")
    assert caplog.records == []


def test_restored_colours_reach_the_image() -> None:
    decoded = decode_image(random_image("RGB"))
    result = decoded.encode(torch.full_like(decoded.pixels, 0.5))
    assert np.unique(np.asarray(result)[..., :3]).tolist() == [191]
