from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.pictures import colourful
from udsd.images.tiff_directories import TiffDirectories
from udsd.images.tiff_single import page_alone


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LAB"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_page_alone_is_the_same_picture(mode: str, compression: str, tmp_path: Path) -> None:
    if compression == "jpeg" and mode not in ("L", "RGB"):
        pytest.skip("not in TIFF")
    colours = colourful((90, 70))
    image = Image.merge("LAB", colours.split()) if mode == "LAB" else colours.convert(mode)
    image.save(tmp_path / "a.tif", compression=compression, description="a page", dpi=(300, 300))
    with (tmp_path / "a.tif").open("rb") as file, Image.open(tmp_path / "a.tif") as given:
        tiff = TiffDirectories(file)
        with Image.open(io.BytesIO(page_alone(tiff, tiff.pages[0]))) as alone:
            assert alone.mode == given.mode
            np.testing.assert_array_equal(np.asarray(alone), np.asarray(given))
            assert alone.getpalette() == given.getpalette()
            assert 270 not in alone.tag_v2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "options", [{"tile": (32, 32)}, {"planarconfig": "separate"}, {"bigtiff": True}, {"byteorder": ">"}]
)
def test_tiles_planes_and_other_headers(options: dict[str, object], tmp_path: Path) -> None:
    pixels = np.asarray(colourful((90, 70)))
    stored = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    with (tmp_path / "a.tif").open("rb") as file:
        tiff = TiffDirectories(file)
        with Image.open(io.BytesIO(page_alone(tiff, tiff.pages[0]))) as alone:
            np.testing.assert_array_equal(np.asarray(alone), pixels)


def test_a_page_without_lengths_of_its_strips(tmp_path: Path) -> None:
    colourful().save(tmp_path / "a.tif")
    with (tmp_path / "a.tif").open("rb") as file:
        tiff = TiffDirectories(file)
        page = {tag: entry for tag, entry in tiff.pages[0].items() if tag != 279}
        with pytest.raises(ValueError, match="strips or tiles of no length"):
            page_alone(tiff, page)
