from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from udsd.errors import ImageError
from udsd.evaluation.pictures import enlarged_png, read_rgb, write_sheet


def test_read_gives_back_every_level(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.stack([levels, levels.T, 255 - levels], axis=2)
    PillowImage.fromarray(image).save(tmp_path / "levels.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "levels.png"), image)


def test_read_repeats_grey_in_three_channels(tmp_path: Path) -> None:
    PillowImage.new("L", (5, 4), 90).save(tmp_path / "grey.png")
    image = read_rgb(tmp_path / "grey.png")
    assert image.shape == (4, 5, 3)
    assert (image == 90).all()


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("no image")
    with pytest.raises(ImageError, match=r"page\.png"):
        read_rgb(tmp_path / "page.png")


def test_enlarged_png_has_a_white_border() -> None:
    with PillowImage.open(io.BytesIO(enlarged_png(np.zeros((10, 15), np.uint8), 2, 20))) as picture:
        pixels = np.array(picture)
    assert pixels.shape == (20 + 40, 30 + 40)
    assert (pixels[20:40, 20:50] == 0).all()
    pixels[20:40, 20:50] = 255
    assert (pixels == 255).all()


def test_a_sheet_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="without images"):
        write_sheet([], tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())
