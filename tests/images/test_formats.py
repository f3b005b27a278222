from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.images import find_images, formats
from udsd.images.formats import FORMATS, IMAGE_SUFFIXES, ImageFormat, format_for, readable_formats


def test_every_ending_names_one_format_in_upper_or_lower_case() -> None:
    endings = Counter(suffix for known in FORMATS for suffix in known.suffixes)
    assert set(endings) == IMAGE_SUFFIXES
    assert set(endings.values()) == {1}
    for known in FORMATS:
        for suffix in known.suffixes:
            assert suffix == suffix.lower()
            assert format_for(Path(f"a{suffix.upper()}")) is known


@pytest.mark.parametrize(("name", "what"), [("a.docx", r"with the ending '\.docx'"), ("a", "without an ending")])
def test_other_names_are_refused_and_common_endings_told(name: str, what: str) -> None:
    with pytest.raises(ImageError, match=rf"^{name}: no image format for a name {what}; common ones are \.png, \.jpg"):
        format_for(Path(name))


def test_what_this_pillow_cannot_write_is_refused_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    format_for(Path("a.heic"))  # now it is known what there is
    for name in ("HEIF", "AVIF"):
        monkeypatch.delitem(Image.SAVE, name)
    with pytest.raises(ImageError, match=r"cannot write HEIF; run: pip install 'udsd\[heif\]'; or use one of \.png"):
        format_for(Path("a.heic"))
    with pytest.raises(ImageError, match=r"cannot write AVIF; or use one of \.png"):
        format_for(Path("a.avif"))


def test_nothing_is_opened_that_runs_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert readable_formats() == [known.name for known in FORMATS]
    assert "EPS" in Image.OPEN
    monkeypatch.delitem(Image.OPEN, "HEIF")
    assert "HEIF" not in readable_formats()


def test_formats_can_hold_the_modes_that_they_say(tmp_path: Path) -> None:
    for known in FORMATS:
        for mode in known.modes - {"I;16"}:
            path = tmp_path / f"a{known.suffixes[0]}"
            Image.new(mode, (4, 4)).save(path, format_for(path).name)


def test_every_ending_is_told_where_folders_are_searched() -> None:
    assert find_images.__doc__ is not None
    told = {word for word in find_images.__doc__.split() if word.startswith(".")}
    assert told == IMAGE_SUFFIXES


def test_a_format_that_pillow_does_not_know_is_left_to_its_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ImageFormat("MINE", (".mine",), frozenset({"RGB"}), by_pillow=False)
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, mine))
    assert format_for(Path("a.MINE")) is mine
    monkeypatch.setattr(formats, "FORMATS", (ImageFormat("MINE", (".mine",), frozenset({"RGB"})),))
    with pytest.raises(ImageError, match="this Pillow cannot write MINE"):
        format_for(Path("a.mine"))
