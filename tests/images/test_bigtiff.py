from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.pictures import XMP, colourful, deep_pixels, random_image, srgb_profile, with_info
from udsd.images import DeepImage, ImagePages, Page, save_pages, tiff
from udsd.images.bigtiff import promote


def pages_of_all_kinds() -> list[Page]:
    info = {"icc_profile": srgb_profile(), "dpi": (300.0, 150.0), "xmp": XMP}
    deep = [DeepImage(deep_pixels(channels), dict(info)) for channels in (3, 4)]
    plain = [with_info(random_image(mode), **info) for mode in ("L", "LA", "RGB", "RGBA", "I;16")]
    return [*deep, *plain, with_info(colourful(), compression="tiff_adobe_deflate", dpi=(72.0, 72.0))]


def test_a_file_that_would_grow_too_long_becomes_a_bigtiff_of_the_same_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = pages_of_all_kinds()
    save_pages(pages, tmp_path / "classic.tif")
    with tifffile.TiffFile(tmp_path / "classic.tif") as classic:
        assert not classic.is_bigtiff
        expected = [(page.asarray(), {tag.code: tag.value for tag in page.tags}) for page in classic.pages]
    length = (tmp_path / "classic.tif").stat().st_size
    for limit in (100, length // 3, length - 2000):
        monkeypatch.setattr(tiff, "_CLASSIC_BYTES", limit)
        save_pages(pages, tmp_path / "big.tif")
        with tifffile.TiffFile(tmp_path / "big.tif") as big:
            assert big.is_bigtiff
            assert len(big.pages) == len(pages)
            for page, (pixels, tags) in zip(big.pages, expected, strict=True):
                np.testing.assert_array_equal(page.asarray(), pixels)
                places = {273, 279}  # where strips are
                written = {tag.code: tag.value for tag in page.tags}  # type: ignore[union-attr]
                assert {code: written[code] for code in written.keys() - places} == {
                    code: tags[code] for code in tags.keys() - places
                }
        assert ImagePages(tmp_path / "big.tif").count == len(pages)


def test_as_long_as_it_is_short_enough_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_pages(pages_of_all_kinds(), tmp_path / "a.tif")
    monkeypatch.setattr(tiff, "_CLASSIC_BYTES", (tmp_path / "a.tif").stat().st_size + 5000)
    save_pages(pages_of_all_kinds(), tmp_path / "b.tif")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_single_page_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_CLASSIC_BYTES", 1000)
    save_pages([colourful()], tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
        np.testing.assert_array_equal(file.asarray(), np.asarray(colourful()))


def test_byte_order_is_kept(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=">") as writer:
        for index in range(2):
            writer.write(deep_pixels() >> index, photometric="rgb", resolution=(300, 150), metadata=None)
    promote(tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.is_bigtiff, file.byteorder, len(file.pages)) == (True, ">", 2)
        for index in range(2):
            np.testing.assert_array_equal(file.pages[index].asarray(), deep_pixels() >> index)
            assert file.pages[index].tags[283].value == (150, 1)  # type: ignore[union-attr]


def test_a_file_of_another_writer_is_left_as_it_is(tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "a.tif", compression="tiff_lzw")
    content = (tmp_path / "a.tif").read_bytes()
    assert content[4] != 8
    with pytest.raises(ValueError, match="does not begin with its first directory"):
        promote(tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == content


@pytest.mark.slow
@pytest.mark.skipif("UDSD_BIG" not in os.environ, reason="writes 4.5 GB; set UDSD_BIG=1 to have it run")
def test_pages_behind_the_first_4_gb(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6000, 6000, 3), np.uint8)

    def pages() -> Iterator[Page]:
        for shift in range(41):
            yield Image.fromarray(np.roll(noise, shift, axis=0))
        yield DeepImage(noise[:1000].astype(np.uint16) * 257, {})

    path = tmp_path / "big.tif"
    save_pages(pages(), path)
    assert path.stat().st_size > 2**32
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
        assert len(file.pages) == 42
        assert file.pages[40].dataoffsets[0] > 2**32  # type: ignore[union-attr]
    for page, read in zip(pages(), ImagePages(path), strict=True):
        again = read.encode(read.pixels)
        if isinstance(page, DeepImage):
            assert isinstance(again, DeepImage)
            np.testing.assert_array_equal(again.pixels, page.pixels)
        else:
            assert np.array_equal(np.asarray(again), np.asarray(page))
