from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import (
    MAKER,
    ORIENTATION,
    XMP,
    colourful,
    deep_pixels,
    deep_png,
    srgb_profile,
    through,
    turned_exif,
)
from udsd.errors import ImageError
from udsd.images import DeepImage, ImagePages, save_image


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_sixteen_bits_come_through_bit_for_bit(tmp_path: Path, ending: str, channels: int) -> None:
    pixels = deep_pixels(channels)
    pixels[..., 3:] |= 1  # nothing fully transparent
    save_image(DeepImage(pixels, {}), tmp_path / f"a{ending}")
    (page,) = ImagePages(tmp_path / f"a{ending}")
    assert page.pixels.unique().numel() > 256
    written = through(tmp_path / f"a{ending}", tmp_path / f"b{ending}")
    read = cv2.imread(str(written), cv2.IMREAD_UNCHANGED)
    assert read is not None
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read[..., [2, 1, 0, 3][:channels]], pixels)


def test_grey_with_alpha_of_sixteen_bits(tmp_path: Path) -> None:
    pixels = deep_pixels(2) | 1
    (tmp_path / "a.png").write_bytes(deep_png(pixels))
    for ending in (".png", ".tif"):
        read = cv2.imread(str(through(tmp_path / "a.png", tmp_path / f"b{ending}")), cv2.IMREAD_UNCHANGED)
        assert read is not None
        np.testing.assert_array_equal(read[..., [0, 3]], pixels)
        np.testing.assert_array_equal(read[..., 0], read[..., 2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_sixteen_bit_colours_is_applied(tmp_path: Path, orientation: int) -> None:
    """As Pillow turns the same picture of 8 bits."""
    plain = colourful((6, 4))
    exif = turned_exif(orientation)
    plain.save(tmp_path / "plain.png", exif=exif)
    save_image(DeepImage(np.asarray(plain).astype(np.uint16) * 257, {"exif": exif.tobytes()}), tmp_path / "deep.png")
    (expected,), (page,) = ImagePages(tmp_path / "plain.png"), ImagePages(tmp_path / "deep.png")
    torch.testing.assert_close(page.pixels, expected.pixels)
    written = through(tmp_path / "deep.png", tmp_path / "upright.png")
    with Image.open(written) as image:
        assert ORIENTATION not in image.getexif()
        assert image.size == (expected.pixels.shape[3], expected.pixels.shape[2])


def test_broken_exif_costs_a_sixteen_bit_image_only_its_exif(tmp_path: Path) -> None:
    broken = b"Exif\0\0no directory at all"
    save_image(DeepImage(deep_pixels(), {"exif": broken}), tmp_path / "a.png")
    read = cv2.imread(str(through(tmp_path / "a.png", tmp_path / "b.png")), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read[..., ::-1], deep_pixels())


def test_a_sixteen_bit_image_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    save_image(DeepImage(deep_pixels(), {}), tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-900])
    with pytest.raises(ImageError, match="damaged or cut off"):
        through(tmp_path / "a.png", tmp_path / "b.png")


def test_what_is_said_beside_sixteen_bit_pixels_is_carried(tmp_path: Path) -> None:
    info = {"icc_profile": srgb_profile(), "dpi": (300.0, 150.0), "exif": turned_exif().tobytes(), "xmp": XMP}
    for ending in (".png", ".tif"):
        save_image(DeepImage(deep_pixels(), dict(info)), tmp_path / f"a{ending}")
        with Image.open(through(tmp_path / f"a{ending}", tmp_path / f"b{ending}")) as image:
            assert image.info["icc_profile"] == info["icc_profile"]
            assert image.info["dpi"] == pytest.approx((150, 300), abs=0.1), "it was turned"
            assert image.info["xmp"] == XMP
            assert image.getexif()[MAKER] == "Box"
