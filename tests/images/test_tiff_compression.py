"""Pages of a TIFF keep their compression where a restored page can have it, and their predictor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.pictures import colourful, deep_pixels, through
from tests.tiff_files import Layout, tiff_file
from udsd.images import DeepImage, Page, save_image, save_pages
from udsd.images.tiff_compression import kept_compression
from udsd.images.tiff_directories import COMPRESSION, PREDICTOR, TiffDirectories

LOSSLESS = {"tiff_lzw": 5, "tiff_adobe_deflate": 8, "packbits": 32773, "lzma": 34925, "zstd": 50000}


def scan(size: tuple[int, int] = (200, 150)) -> Image.Image:
    rows = np.full(size[::-1], 255, np.uint8)
    rows[6:-6:12, 10:-10] = 0
    return Image.fromarray(rows).convert("1")


def numbers(path: Path, tag: int) -> list[int]:
    """A number of each page's directory."""
    with path.open("rb") as file:
        tiff = TiffDirectories(file)
        return [tiff.number(page, tag, 1) for page in tiff.pages]


def shown(path: Path) -> list[NDArray[Any]]:
    """Pages as another library reads them, which knows neither LZMA nor Zstandard."""
    return [*cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)[1]]


def by_pillow(path: Path) -> list[NDArray[Any]]:
    pages = []
    with Image.open(path) as image:
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            pages.append(np.asarray(image))
    return pages


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("count", [1, 3])
def test_lossless_compressions_stay(compression: str, predictor: int, count: int, tmp_path: Path) -> None:
    pages = [colourful(), colourful((20, 60)).convert("L"), colourful((33, 17)).convert("RGBA")][:count]
    predictor = 1 if compression == "packbits" else predictor
    given: Sequence[Page] = [page.copy() for page in pages]
    for page in given:
        assert isinstance(page, Image.Image)
        page.info |= {"compression": compression, "predictor": predictor}
    save_pages(given, tmp_path / "a.tif")
    result = through(tmp_path / "a.tif", tmp_path / "b.tif")
    for path in (tmp_path / "a.tif", result):
        assert numbers(path, COMPRESSION) == [LOSSLESS[compression]] * count
        assert numbers(path, PREDICTOR) == [predictor] * count
        for page, pixels in zip(pages, by_pillow(path), strict=True):
            np.testing.assert_array_equal(pixels, np.asarray(page))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_keep_their_compression(compression: str, predictor: int, channels: int, tmp_path: Path) -> None:
    predictor = 1 if compression == "packbits" else predictor
    pages = [deep_pixels(channels) | 1, deep_pixels(channels, (31, 44)) | 1]
    info = {"compression": compression, "predictor": predictor}
    save_pages([DeepImage(pixels, dict(info)) for pixels in pages], tmp_path / "a.tif")
    result = through(tmp_path / "a.tif", tmp_path / "b.tif")
    assert numbers(result, COMPRESSION) == [LOSSLESS[compression]] * 2
    assert numbers(result, PREDICTOR) == [predictor] * 2
    for pixels, read in zip(pages, shown(result), strict=True):
        np.testing.assert_array_equal(read[..., [2, 1, 0, 3][:channels]], pixels)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_page_of_two_levels_becomes_grey_in_deflate(compression: str, count: int, tmp_path: Path) -> None:
    scan().save(tmp_path / "a.tif", compression=compression, save_all=True, append_images=[scan()] * (count - 1))
    result = through(tmp_path / "a.tif", tmp_path / "b.tif")
    assert numbers(result, COMPRESSION) == [8] * count
    for page in by_pillow(result):
        np.testing.assert_array_equal(page, np.asarray(scan().convert("L")))
    assert result.stat().st_size < 200 * 150 * count / 10


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("count", [1, 3])
def test_jpeg_stays_jpeg(mode: str, count: int, tmp_path: Path) -> None:
    page = colourful((300, 200)).convert(mode)
    page.save(tmp_path / "a.tif", compression="jpeg", quality=80, save_all=True, append_images=[page] * (count - 1))
    result = through(tmp_path / "a.tif", tmp_path / "b.tif")
    assert numbers(result, COMPRESSION) == [7] * count
    for before, after in zip(by_pillow(tmp_path / "a.tif"), by_pillow(result), strict=True):
        expected = np.asarray(Image.fromarray(before, mode).convert("RGB")) if mode == "CMYK" else before
        assert np.abs(after.astype(int) - expected).mean() < 2
    assert len(shown(result)) == count


def test_quality_is_that_of_jpeg_and_nothing_to_others(tmp_path: Path) -> None:
    page = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    sizes = []
    for quality in (30, None):
        page.info["compression"] = "jpeg"
        save_image(page, tmp_path / "a.tif", quality=quality)
        sizes.append((tmp_path / "a.tif").stat().st_size)
    assert 2 * sizes[0] < sizes[1]
    page.info["compression"] = "tiff_lzw"
    save_image(page, tmp_path / "a.tif", quality=30)
    np.testing.assert_array_equal(by_pillow(tmp_path / "a.tif")[0], np.asarray(page))


def test_what_jpeg_cannot_hold_is_deflated(tmp_path: Path) -> None:
    page = colourful().convert("RGBA")
    page.info["compression"] = "jpeg"
    for name, pages in (("a.tif", [page]), ("b.tif", [page, page])):
        save_pages(pages, tmp_path / name)
        assert set(numbers(tmp_path / name, COMPRESSION)) == {8}
        np.testing.assert_array_equal(by_pillow(tmp_path / name)[-1], np.asarray(page))


def test_what_was_not_compressed_stays_so(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff_file(deep_pixels().astype(np.int64), Layout()))
    assert numbers(through(tmp_path / "a.tif", tmp_path / "b.tif"), COMPRESSION) == [1]
    colourful().save(tmp_path / "c.tif")
    assert numbers(through(tmp_path / "c.tif", tmp_path / "d.tif"), COMPRESSION) == [1]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("raw", None), (None, None), (0, None), ("webp", "tiff_adobe_deflate"), ("tiff_jpeg", "jpeg"), ("zstd", "zstd")],
)
def test_what_is_kept(name: object, kept: str | None) -> None:
    assert kept_compression(name) == kept
