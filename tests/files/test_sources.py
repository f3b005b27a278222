from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import colourful, deep_pixels, deep_png, pages_of_tiff
from udsd.errors import ImageError
from udsd.files.sources import Comparison
from udsd.images import ImagePages, side_by_side


def restored_picture(path: Path, brighter: float) -> Image.Image:
    (page,) = Comparison(ImagePages(path))
    restored = page.pixels + brighter
    page.pixels.fill_(9)  # as a network may
    picture = page.encode(restored)
    assert isinstance(picture, Image.Image)
    return picture


def test_a_comparison_shows_both(tmp_path: Path) -> None:
    Image.new("L", (40, 30), 100).save(tmp_path / "a.png")
    expected = side_by_side([Image.new("L", (40, 30), level) for level in (100, 151)], ["blurred", "restored"])
    assert restored_picture(tmp_path / "a.png", 0.4).tobytes() == expected.tobytes()


def test_a_comparison_of_sixteen_bits_is_a_picture_of_eight(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(deep_png(np.full_like(deep_pixels(), 100 * 257)))
    plain = Image.new("RGB", (30, 20), (100,) * 3)
    expected = side_by_side([plain, plain], ["blurred", "restored"])
    assert restored_picture(tmp_path / "a.png", 0).tobytes() == expected.tobytes()


def test_of_several_pages_the_first_is_compared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    comparison = Comparison(ImagePages(pages_of_tiff(tmp_path)))
    assert (comparison.count, comparison.pixel_count, comparison.path) == (1, 48 * 32, tmp_path / "pages.tif")
    assert [page.pixels.shape[2:] for page in comparison] == [(32, 48)]
    assert "pages.tif: has 3 pages; only the first is compared" in caplog.text
    Comparison(ImagePages(tmp_path / "pages.tif"), "frame").close()
    assert "pages.tif: has 3 frames; only the first is compared" in caplog.text


def test_closing_a_comparison_closes_its_file(tmp_path: Path) -> None:
    colourful().save(tmp_path / "a.png")
    comparison = Comparison(ImagePages(tmp_path / "a.png"))
    comparison.close()
    with pytest.raises(ImageError, match=r"a\.png"):
        next(iter(comparison))
