from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.serving.previews import box_at, preview, preview_with_boxes


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_small_pictures_are_shown_without_loss(photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.tif")
    shown = preview(tmp_path / "photo.tif", tmp_path, "before")
    assert shown.name == "before.png"
    with Image.open(shown) as image:
        assert image.tobytes() == photo.tobytes()


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((1500, 3000), np.uint8)).save(tmp_path / "large.png")
    shown = preview(tmp_path / "large.png", tmp_path, "before")
    assert shown.name == "before.jpg"
    assert size(shown) == (2400, 1200)


def test_pictures_are_upright_as_their_results_are(photo: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "turned.png", exif=exif)
    shown, scale = preview_with_boxes(tmp_path / "turned.png", [(0, 0, 5, 5)], tmp_path, "faces")
    assert size(shown) == (photo.height, photo.width)
    assert scale == 1


def test_a_damaged_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"a\.png"):
        preview(tmp_path / "a.png", tmp_path, "before")


@pytest.mark.parametrize(("place", "number"), [((5, 5), 0), ((25, 25), 1), ((50, 50), 0), ((200, 5), None)])
def test_a_place_lies_in_the_smallest_box(place: tuple[float, float], number: int | None) -> None:
    assert box_at([(0, 0, 100, 100), (20, 20, 10, 10)], *place) == number
