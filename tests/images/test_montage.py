from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.images import side_by_side

RED, BLUE = (255, 0, 0), (0, 0, 255)


def place(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a colour; it must fill that rectangle."""
    hits = (np.asarray(sheet) == colour).all(axis=-1)
    rows, columns = np.nonzero(hits)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert hits[top:bottom, left:right].all()
    return int(left), int(top), int(right), int(bottom)


def test_tall_images_stand_beside_each_other() -> None:
    sheet = side_by_side([Image.new("RGB", (40, 60), RED), Image.new("RGB", (40, 60), BLUE)], ["", ""])
    red, blue = place(sheet, RED), place(sheet, BLUE)
    assert sheet.mode == "RGB"
    assert red[1::2] == blue[1::2]
    assert blue[0] > red[2]
    assert (red[2] - red[0], red[3] - red[1]) == (40, 60)


def test_wide_images_stand_below_each_other() -> None:
    sheet = side_by_side([Image.new("RGB", (80, 40), RED), Image.new("RGB", (80, 40), BLUE)], ["before", "after"])
    red, blue = place(sheet, RED), place(sheet, BLUE)
    assert red[0] == blue[0]
    assert blue[1] > red[3]


def test_captions_stand_above_the_images_and_are_not_cut() -> None:
    image = Image.new("RGB", (20, 60), RED)
    plain = side_by_side([image], [""])
    captioned = side_by_side([image], ["a caption wider than the image"])
    assert captioned.width > plain.width
    assert captioned.height > plain.height
    dark = np.asarray(captioned.convert("L"))[: place(captioned, RED)[1]] < 64
    columns = np.nonzero(dark.any(axis=0))[0]
    assert dark.sum() > 50
    assert columns.min() > 0
    assert columns.max() < captioned.width - 1


@pytest.mark.parametrize("size", [(800, 50), (50, 320)])
def test_captions_grow_with_the_width_or_the_height(size: tuple[int, int]) -> None:
    small, large = (side_by_side([Image.new("RGB", shape, RED)], ["I"]) for shape in ((50, 50), size))
    assert place(large, RED)[1] > 1.5 * place(small, RED)[1]


def test_captions_grow_with_the_sheet_as_far_as_they_fit_above_the_images() -> None:
    images = [Image.new("RGB", (300, 20), RED)] * 8
    few, many = (side_by_side(images[:columns], ["caption"] * columns, columns=columns) for columns in (1, 8))
    assert first_row(many) > 1.5 * first_row(few)
    long = side_by_side(images, ["a caption of some thirty letters"] * 8, columns=8)
    starts = np.flatnonzero(np.diff((np.asarray(long) == RED).all(axis=-1).any(axis=0).astype(int)) == 1)
    assert np.diff(starts).max() < 320


def first_row(sheet: Image.Image) -> int:
    """The first row of a sheet that shows an image."""
    return int(np.nonzero((np.asarray(sheet) == RED).all(axis=-1).any(axis=1))[0][0])


def test_grid_of_training_samples() -> None:
    images = [Image.new("RGB", (8, 8), (0, level, 0)) for level in (50, 100, 150, 200, 250)]
    sheet = side_by_side(images, [""] * 5, columns=2)
    places = [place(sheet, (0, level, 0)) for level in (50, 100, 150, 200, 250)]
    assert len({box[0] for box in places}) == 2
    assert len({box[1] for box in places}) == 3
    assert places == sorted(places, key=lambda box: (box[1], box[0]))


def test_sizes_and_modes_may_differ() -> None:
    images = [
        Image.new("L", (10, 30), 7),
        Image.new("RGBA", (20, 20), (255, 0, 0, 255)),
        Image.fromarray(np.full((25, 5), 257 * 9, np.uint16)),
        Image.new("1", (6, 6), 0),
    ]
    sheet = side_by_side(images, [""] * 4)
    assert place(sheet, (7, 7, 7))[2:] > (0, 0)
    left, top, right, bottom = place(sheet, RED)
    assert (right - left, bottom - top) == (20, 20)
    assert (np.asarray(sheet) == 9).all(axis=-1).sum() == 25 * 5


def test_transparent_parts_are_white() -> None:
    sheet = side_by_side([Image.new("RGBA", (9, 9), (0, 0, 0, 0))], [""])
    assert (np.asarray(sheet) == 255).all()


@pytest.mark.parametrize(("count", "captions"), [(0, []), (1, []), (1, ["a", "b"])])
def test_numbers_must_agree(count: int, captions: list[str]) -> None:
    with pytest.raises(ImageError, match=f"{count} images and {len(captions)} captions"):
        side_by_side([Image.new("RGB", (4, 4))] * count, captions)
