from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.pictures import (
    MAKER,
    ORIENTATION,
    XMP,
    colourful,
    deep_pixels,
    deep_png,
    identity,
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


def png_with_key(samples: NDArray[np.integer], bits: int, colour_type: int, key: bytes) -> bytes:
    """A PNG of samples (H, W, C) of so many bits, with a transparent colour; no library has made it."""
    height, width, _ = samples.shape
    single = samples.reshape(height, -1, 1).astype(np.uint32) >> np.arange(bits - 1, -1, -1) & 1
    rows = np.packbits(single.reshape(height, -1).astype(np.uint8), axis=1)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", header), (b"tRNS", key), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize(("bits", "channels"), [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)])
def test_a_transparent_colour_of_any_depth(bits: int, channels: int, tmp_path: Path) -> None:
    largest = 2**bits - 1
    samples = np.random.default_rng(0).integers(0, 2**bits, (12, 16, channels))
    samples[3:9, 4:8] = np.array([largest // 3, largest, 0])[:channels]
    key = struct.pack(f">{channels}H", *(int(level) for level in samples[4, 5]))
    (tmp_path / "a.png").write_bytes(png_with_key(samples, bits, 0 if channels == 1 else 2, key))
    (page,) = ImagePages(tmp_path / "a.png")
    image = page.encode(page.pixels)
    pixels = image.pixels if isinstance(image, DeepImage) else np.asarray(image)
    white = 65535 if bits == 16 else 255
    assert pixels.dtype == (np.uint16 if bits == 16 else np.uint8)
    hidden = (samples == samples[4, 5]).all(axis=2)
    assert hidden.any()
    np.testing.assert_array_equal(pixels[..., -1], np.where(hidden, 0, white))
    colours = samples * (white // largest)
    np.testing.assert_array_equal(pixels[..., 0], colours[..., 0])
    np.testing.assert_array_equal(pixels[..., -2], colours[..., -1])


def test_a_pillow_image_of_16_bits_keeps_its_transparent_colour(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (5, 6, 1))
    (tmp_path / "a.png").write_bytes(png_with_key(samples, 16, 0, struct.pack(">H", int(samples[2, 3, 0]))))
    with Image.open(tmp_path / "a.png") as image:
        result = identity(image)
    assert result.mode == "LA"
    assert [*zip(*np.nonzero(np.asarray(result)[..., 1] == 0), strict=True)] == [(2, 3)]


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_interlaced_pixels_of_sixteen_bits(channels: int, tmp_path: Path) -> None:
    pixels = deep_pixels(channels, (13, 11)) | 1
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b"".join(
        b"\0" + row.astype(">u2").tobytes() for x, y, right, down in passes for row in pixels[y::down, x::right]
    )
    header = struct.pack(">IIBBBBB", 11, 13, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    (page,) = ImagePages(tmp_path / "a.png")
    image = page.encode(page.pixels)
    assert isinstance(image, DeepImage)
    np.testing.assert_array_equal(image.pixels, pixels[..., [0, 0, 0, 1]] if channels == 2 else pixels)


def test_large_pixels_of_sixteen_bits_go_into_several_chunks(tmp_path: Path) -> None:
    pixels = deep_pixels(3, (700, 500))
    save_image(DeepImage(pixels, {}), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().count(b"IDAT") > 1
    read = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read[..., ::-1], pixels)
