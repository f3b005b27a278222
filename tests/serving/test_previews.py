from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.serving.previews import box_at, preview_with_boxes, previews


def preview(path: Path, folder: Path) -> Path:
    """That of a picture which is its own result."""
    before, after = previews(path, path, folder)
    assert before.read_bytes() == after.read_bytes()
    return before


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_small_pictures_are_shown_without_loss(photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.tif")
    shown = preview(tmp_path / "photo.tif", tmp_path)
    assert shown.name == "_before.png"
    with Image.open(shown) as image:
        assert image.tobytes() == photo.tobytes()


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((1500, 3000), np.uint8)).save(tmp_path / "large.png")
    shown = preview(tmp_path / "large.png", tmp_path)
    assert shown.name == "_before.jpg"
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
        preview(tmp_path / "a.png", tmp_path)


def test_of_a_pdf_the_first_image_is_shown_upright(tmp_path: Path) -> None:
    pytest.importorskip("pikepdf")
    from tests.files.pdf.making import HEIGHT, WIDTH, jpeg, make, picture

    path = make(tmp_path / "scan.pdf", [jpeg(picture(3)), jpeg(picture(1, 5, width=80))], rotate=90)
    assert size(preview(path, tmp_path)) == (HEIGHT, WIDTH)


def test_of_a_clip_the_same_frame_of_its_middle_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("av")
    from tests.files.video.making import make

    def grey(number: int, size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return np.full((size[1], size[0], 3), 10 * number, np.uint8)

    clip = make(tmp_path / "clip.mkv", 20, draw=grey)
    result = make(tmp_path / "result.mp4", 20, draw=lambda number, size: 255 - grey(number, size))
    before, after = previews(clip, result, tmp_path)
    for path, level in ((before, 100), (after, 155)):
        with Image.open(path) as image:
            assert abs(np.asarray(image).mean() - level) < 4


def test_of_a_clip_without_its_middle_the_first_frame_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    from tests.files.video.making import make

    clip = make(tmp_path / "clip.mkv", 4)
    monkeypatch.setattr("udsd.serving.previews._place_in", lambda path: 50)
    assert size(preview(clip, tmp_path)) == (96, 64)


@pytest.mark.parametrize(("place", "number"), [((5, 5), 0), ((25, 25), 1), ((50, 50), 0), ((200, 5), None)])
def test_a_place_lies_in_the_smallest_box(place: tuple[float, float], number: int | None) -> None:
    assert box_at([(0, 0, 100, 100), (20, 20, 10, 10)], *place) == number
