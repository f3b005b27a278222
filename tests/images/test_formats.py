from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import random_image
from udsd.errors import ImageError
from udsd.images import decode_image, find_images, formats
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
    with pytest.raises(ImageError, match=r"cannot write HEIF; run: .*pip install \"pillow-heif>=.*; or use one of"):
        format_for(Path("a.heic"))
    with pytest.raises(ImageError, match=r"cannot write AVIF; or use one of \.png"):
        format_for(Path("a.avif"))


def test_nothing_is_opened_that_runs_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert readable_formats() == [known.name for known in FORMATS if known.by_pillow]
    assert "EPS" in Image.OPEN
    monkeypatch.delitem(Image.OPEN, "HEIF")
    assert "HEIF" not in readable_formats()


def test_formats_can_hold_the_modes_that_they_say(tmp_path: Path) -> None:
    for known in (known for known in FORMATS if known.by_pillow):
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


MODES = {"PNG": "RGB", "JPEG": "RGB", "GIF": "L", "WEBP": "RGBA", "BMP": "RGB"}


@pytest.mark.parametrize(("name", "mode"), MODES.items())
def test_a_damaged_image_is_not_called_no_image(name: str, mode: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    random_image(mode).save(buffer, name)
    (tmp_path / "a").write_bytes(buffer.getvalue()[:17])
    with pytest.raises(ImageError, match=r"damaged or cut off"):
        decode_image(tmp_path / "a")


def test_a_png_with_a_wrong_checksum_is_damaged(tmp_path: Path) -> None:
    random_image("RGB").save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[content.index(b"IHDR") + 14] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"damaged or cut off \(it begins as PNG does; .*IHDR"):
        decode_image(tmp_path / "a.png")


def test_a_png_whose_line_ends_were_converted_is_damaged(tmp_path: Path) -> None:
    random_image("RGB").save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes().replace(b"\r\n", b"\n"))
    with pytest.raises(ImageError, match=r"damaged or cut off \(it begins as PNG does"):
        decode_image(tmp_path / "a.png")


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(ImageError, match="the file is empty"):
        decode_image(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"a text", b"%PDF-1.7 and so on", b"RIFF1234WAVEfmt data data"])
def test_what_is_no_image_is_called_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match="not an image that can be read here"):
        decode_image(tmp_path / "a.png")
