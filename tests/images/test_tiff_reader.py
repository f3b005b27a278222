"""Every combination of what 16-bit TIFFs are made of is right, or refused."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.pictures import ORIENTATION, XMP, colourful, deep_pixels, srgb_profile, through
from udsd.errors import ImageError
from udsd.images import DeepImage, ImagePages, Page, decode_image, read_size

KINDS = {"white is zero": (1, "miniswhite"), "grey": (1, "minisblack"), "grey and alpha": (2, "minisblack")}
KINDS |= {"RGB": (3, "rgb"), "RGBA": (4, "rgb")}
LAYOUTS: dict[str, dict[str, Any]] = {"strips": {"rowsperstrip": 7}, "one strip": {}, "tiles": {"tile": (16, 16)}}


def shown(path: Path) -> list[NDArray[np.uint16]]:
    """The pages as they would be written: grey (H, W), RGB or RGBA (H, W, C)."""
    return [pixels_of(page.encode(page.pixels)) for page in ImagePages(path)]


def pixels_of(page: Page) -> NDArray[Any]:
    return page.pixels if isinstance(page, DeepImage) else np.asarray(page)


def as_written(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """What pixels (H, W, C) become: grey without its axis, grey and alpha as RGBA."""
    if pixels.shape[2] == 2:
        return pixels[..., [0, 0, 0, 1]]
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_sixteen_bits_as_tifffile_writes_them(kind: str, layout: str, planar: str, tmp_path: Path) -> None:
    channels, photometric = KINDS[kind]
    pixels = deep_pixels(channels)
    if channels in (2, 4):
        pixels[..., -1] |= 1
    stored = 65535 - pixels if photometric == "miniswhite" else pixels
    given = stored[..., 0] if channels == 1 else np.moveaxis(stored, -1, 0) if planar == "separate" else stored
    for order, compression, predictor, big in itertools.product("<>", (None, "zlib"), (False, True), (False, True)):
        with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order, bigtiff=big) as writer:
            for page in (given, given ^ 255):
                writer.write(
                    page,
                    photometric=photometric,
                    planarconfig=planar if channels > 1 else None,
                    extrasamples=["unassalpha"] if channels in (2, 4) else None,
                    compression=compression,
                    predictor=predictor and compression is not None,
                    metadata=None,
                    **LAYOUTS[layout],
                )
        first, second = shown(tmp_path / "a.tif")
        np.testing.assert_array_equal(first, as_written(pixels))
        np.testing.assert_array_equal(second, as_written(pixels ^ 255))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 32946])
@pytest.mark.parametrize("predictor", [1, 2])
def test_sixteen_bits_as_libtiff_compresses_them(
    channels: int, compression: int, predictor: int, tmp_path: Path
) -> None:
    pixels = deep_pixels(channels) | 1
    tags = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    cv2.imwritemulti(
        str(tmp_path / "a.tif"), [pixels[..., [2, 1, 0, 3][:channels]], pixels[::-1, :, ::-1][..., :3]], tags
    )
    first, second = shown(tmp_path / "a.tif")
    np.testing.assert_array_equal(first, pixels)
    np.testing.assert_array_equal(second[..., :3], pixels[::-1, :, ::-1][..., [2, 1, 0]])


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_that_colours_were_multiplied_by_is_divided_out(channels: int, tmp_path: Path) -> None:
    pixels = deep_pixels(channels)
    pixels[..., -1] |= 0x8000
    pixels[0, 0, -1] = 0
    alpha = pixels[..., -1:] / 65535
    stored = pixels.copy()
    stored[..., :-1] = np.rint(pixels[..., :-1] * alpha)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb" if channels == 4 else "minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha"],
        metadata=None,
    )
    (page,) = shown(tmp_path / "a.tif")
    expected = as_written(pixels).astype(int)
    expected[0, 0] = 0
    assert np.abs(page - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_orientation_is_applied_once_on_every_page(orientation: int, kind: str, tmp_path: Path) -> None:
    channels, photometric = KINDS[kind]
    pixels = deep_pixels(channels) | 1
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in range(2):
            writer.write(
                (65535 - pixels if photometric == "miniswhite" else pixels).squeeze(),
                photometric=photometric,
                planarconfig="contig" if channels > 1 else None,
                extrasamples=["unassalpha"] if channels in (2, 4) else None,
                extratags=[(ORIENTATION, "H", 1, orientation, True)],
                metadata=None,
            )
    number = Image.fromarray(np.arange(pixels.shape[0] * pixels.shape[1], dtype=np.int32).reshape(pixels.shape[:2]))
    number.getexif()[ORIENTATION] = orientation
    order = np.asarray(ImageOps.exif_transpose(number))
    expected = as_written(pixels.reshape(-1, channels)[order])
    for page in shown(tmp_path / "a.tif"):
        np.testing.assert_array_equal(page, expected)
    with Image.open(through(tmp_path / "a.tif", tmp_path / "b.tif")) as image:
        assert image.getexif().get(ORIENTATION, 1) == 1
    assert read_size(tmp_path / "a.tif") == (30, 20)


def test_what_is_said_beside_grey_and_alpha_is_carried(tmp_path: Path) -> None:
    """Pillow does not open such files."""
    tifffile.imwrite(
        tmp_path / "a.tif",
        deep_pixels(2) | 1,
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
        resolution=(300, 150),
        resolutionunit="INCH",
        iccprofile=srgb_profile(),
        extratags=[(700, "B", len(XMP), XMP, True)],
        compression="zlib",
        metadata=None,
    )
    with Image.open(through(tmp_path / "a.tif", tmp_path / "b.tif")) as image:
        assert image.info["dpi"] == (300, 150)
        assert image.info["icc_profile"] == srgb_profile()
        assert image.info["xmp"] == XMP
        assert image.info["compression"] == "tiff_adobe_deflate"


def test_pages_of_all_depths_in_one_file(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for pixels in (np.asarray(colourful()), deep_pixels(), np.asarray(colourful().convert("L"))):
            writer.write(pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        for given, page in zip(file.pages, shown(tmp_path / "a.tif"), strict=True):
            np.testing.assert_array_equal(page, given.asarray())


def test_of_a_page_its_own_bytes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for index in range(20):
            writer.write(deep_pixels(size=(100, 100)) ^ index, photometric="rgb", metadata=None)
    page_bytes, length = 100 * 100 * 6, (tmp_path / "a.tif").stat().st_size
    with ImagePages(tmp_path / "a.tif") as pages:
        taken: list[int] = []
        tiff = pages._reader._tiff  # type: ignore[attr-defined]
        read = tiff.read

        def counted(offset: int, size: int) -> bytes:
            taken.append(size)
            return bytes(read(offset, size))

        monkeypatch.setattr(type(tiff), "read", lambda self, offset, size: counted(offset, size))
        assert len([*pages]) == 20
    assert 20 * page_bytes <= sum(taken) < length + 20 * 2000


@pytest.mark.parametrize("cut", [1000, 7000])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_page_that_is_cut_off(cut: int, compression: str | None, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in range(2):
            writer.write(deep_pixels(size=(50, 50)), photometric="rgb", compression=compression, metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-cut])
    with pytest.raises(ImageError, match="damaged or cut off"):
        through(tmp_path / "a.tif", tmp_path / "b.tif")


def test_rubbish_in_place_of_a_compressed_strip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tifffile.imwrite(tmp_path / "a.tif", deep_pixels(), photometric="rgb", compression="zlib", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        start, length = page.dataoffsets[0], page.databytecounts[0]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[start : start + length] = bytes(length)
    (tmp_path / "a.tif").write_bytes(content)
    with caplog.at_level(logging.ERROR), pytest.raises(ImageError, match="damaged"):
        decode_image(tmp_path / "a.tif")


@pytest.mark.parametrize("samples", [5, 7])
def test_more_samples_than_colours_and_alpha_are_refused(samples: int, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", deep_pixels(samples), photometric="rgb", planarconfig="contig", metadata=None)
    with pytest.raises(ImageError):
        decode_image(tmp_path / "a.tif")
