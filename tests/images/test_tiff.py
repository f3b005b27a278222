from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from tests.pictures import (
    colourful,
    deep_pixels,
    pages_of_tiff,
    through,
)
from udsd.images import ImagePages, save_pages


def test_every_page_of_a_tiff_is_there(tmp_path: Path) -> None:
    source = pages_of_tiff(tmp_path)
    assert ImagePages(source).count == 3
    with Image.open(source) as first, Image.open(through(source, tmp_path / "out.tif")) as second:
        assert second.n_frames == 3  # type: ignore[attr-defined]
        for index in range(3):
            first.seek(index)
            second.seek(index)
            assert second.mode == first.mode
            np.testing.assert_array_equal(np.asarray(second), np.asarray(first))
            assert second.info["dpi"] == (300, 300)
            assert second.info["compression"] == "tiff_lzw"


def test_pages_of_any_mode_are_written_as_what_they_show(tmp_path: Path) -> None:
    pages = [colourful(), colourful().quantize(16), colourful().convert("1"), colourful().convert("CMYK")]
    save_pages(pages, tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        for index, (page, mode) in enumerate(zip(pages, ("RGB", "RGB", "L", "RGB"), strict=True)):
            image.seek(index)
            np.testing.assert_array_equal(np.asarray(image), np.asarray(page.convert(mode)))


def test_pages_of_sixteen_bits(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for index in range(3):
            writer.write(deep_pixels() >> index, photometric="rgb", metadata=None)
    through(tmp_path / "a.tif", tmp_path / "b.tif")
    given, written = (tifffile.imread(tmp_path / name, key=range(3)) for name in ("a.tif", "b.tif"))
    np.testing.assert_array_equal(written, given)
