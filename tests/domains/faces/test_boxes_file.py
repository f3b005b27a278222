from __future__ import annotations

from pathlib import Path

import pytest

from udsd.domains.faces import read_boxes
from udsd.errors import ConfigError


def test_boxes_for_all_pictures(tmp_path: Path) -> None:
    file = tmp_path / "boxes.json"
    file.write_text("[[310, 120, 80, 80], [450.5, 140, 76, 76]]")
    assert read_boxes(file).of("any.jpg") == ((310, 120, 80, 80), (450.5, 140, 76, 76))


def test_boxes_for_single_pictures(tmp_path: Path) -> None:
    file = tmp_path / "boxes.json"
    file.write_text('{"a.jpg": [[1, 2, 3, 4]], "b.jpg": []}')
    boxes = read_boxes(file)
    assert boxes.of("folder/a.jpg") == ((1, 2, 3, 4),)
    assert boxes.of(Path("b.jpg")) == ()
    assert boxes.of("c.jpg") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[1, 2, 3, 4]", "are no JSON"),
        ("\xff", "are no JSON"),
        ("[" * 100_000, "are no JSON"),
        ("3", "is no list of boxes"),
        ('{"a.jpg": 5}', "a.jpg: 5 is no list of boxes"),
        ('{"a.jpg": "auto"}', "a.jpg: 'auto' is no list of boxes"),
        ("[[1, 2, 3]]", "a face's box is"),
        ("[[1, 2, 0, 4]]", "a face's box is"),
        ("[[1, 2, NaN, 4]]", "a face's box is"),
        ('[[1, 2, "3", 4]]', "a face's box is"),
        ("[5]", "a face's box is"),
    ],
)
def test_what_is_no_file_of_boxes_is_told(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "boxes.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=message) as error:
        read_boxes(file)
    assert str(file) in str(error.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ConfigError, match="the boxes of faces cannot be read"):
            read_boxes(path)
