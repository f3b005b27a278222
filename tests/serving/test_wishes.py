from __future__ import annotations

from typing import Any

import pytest

from udsd.errors import ConfigError
from udsd.serving.wishes import read_box_lines, read_wishes, write_box_lines

DEFAULTS: dict[str, Any] = {
    "files": 1,
    "strength": 1,
    "scale": "auto",
    "faces": "auto",
    "boxes": "",
    "background": "restore",
    "best": False,
    "file_format": "",
    "quality": None,
}


def test_what_is_left_as_it_is_is_the_commands_default() -> None:
    from udsd.domains import DeblurOptions

    wishes = read_wishes(**DEFAULTS)
    assert wishes.options == DeblurOptions()
    assert wishes.file_format is None
    assert wishes.quality is None


def test_all_wishes_arrive() -> None:
    wishes = read_wishes(
        1, 0.5, "0.5", "boxes", "1, 2, 30, 40\n\n5 6 7 8.5", "keep", best=True, file_format="jpg", quality=80.0
    )
    assert wishes.options.strength == 0.5
    assert wishes.options.scale == 0.5
    assert wishes.options.faces == ((1, 2, 30, 40), (5, 6, 7, 8.5))
    assert wishes.options.background == "keep"
    assert wishes.options.quality == "best"
    assert (wishes.file_format, wishes.quality) == ("jpg", 80)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"strength": 2}, "strength is 2"),
        ({"scale": "large"}, "scale is 'large'"),
        ({"scale": "nan"}, "scale is nan"),
        ({"faces": "boxes"}, "there are no boxes"),
        ({"faces": "boxes", "boxes": "1 2 3"}, "'1 2 3' is no box"),
        ({"faces": "boxes", "boxes": "1 2 3 a"}, "is no box"),
        ({"faces": "boxes", "boxes": "1 2 0 5"}, "of a size above 0"),
        ({"faces": "boxes", "boxes": "1 2 3 4", "files": 2}, "boxes are those of one picture, and there are 2"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_wishes(**DEFAULTS | changed)


def test_boxes_are_read_as_they_are_written() -> None:
    boxes = [(1.0, -2.5, 30.2, 40.0), (0.1, 0.0, 5.0, 6.0)]
    assert read_box_lines(write_box_lines(boxes)) == boxes
