from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.pictures import pages_of_tiff
from udsd.errors import ConfigError, ImageError
from udsd.files import restore_bytes, restore_files
from udsd.files.kinds import ending_of
from udsd.images.formats import FORMATS


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp"])
def test_bytes_in_and_bytes_out_are_those_of_files(
    brighter: Any, photo: Image.Image, tmp_path: Path, ending: str
) -> None:
    source = tmp_path / f"photo{ending}"
    photo.save(source)
    restore_files(brighter, [source], tmp_path / f"restored{ending}")
    expected = (tmp_path / f"restored{ending}").read_bytes()
    for content in (source.read_bytes(), io.BytesIO(source.read_bytes())):
        restored = restore_bytes(brighter, content, name="photo")
        assert restored.content == expected
        assert (restored.result.status, restored.result.source) == ("restored", Path("photo"))


def test_all_pages_and_another_format(brighter: Any, tmp_path: Path) -> None:
    restored = restore_bytes(brighter, pages_of_tiff(tmp_path).read_bytes(), file_format="gif")
    assert restored.content is not None
    with Image.open(io.BytesIO(restored.content)) as image:
        assert (image.format, image.n_frames) == ("GIF", 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "image: is empty"), (b"no image", "image: not an image"), (b"%PDF-1.4", "image: damaged")],
)
def test_what_cannot_be_restored_is_told_without_the_temporary_path(
    brighter: Any, content: bytes, message: str
) -> None:
    with pytest.raises(ImageError, match=f"^{message}"):
        restore_bytes(brighter, content)
    with pytest.raises(ImageError, match=r"^scan\.tif: "):
        restore_bytes(brighter, content, name="scan.tif")


def test_arguments_are_those_of_files(brighter: Any, photo: Image.Image) -> None:
    content = io.BytesIO()
    photo.save(content, "png")
    with pytest.raises(ConfigError, match="quality"):
        restore_bytes(brighter, content, quality=0)
    with pytest.raises(ImageError, match=r"xyz"):
        restore_bytes(brighter, content, file_format="xyz")


def test_every_format_is_told_by_its_content(photo: Image.Image, tmp_path: Path, make_pdf: Callable[..., Path]) -> None:
    Image.init()
    for known in FORMATS:
        if known.name in Image.SAVE:
            for ending in set(known.suffixes) & {
                ".png",
                ".jpg",
                ".tif",
                ".webp",
                ".bmp",
                ".ppm",
                ".gif",
                ".jp2",
                ".j2k",
            }:
                photo.save(tmp_path / f"a{ending}")
                (tmp_path / f"a{ending}").rename(tmp_path / "content")
                assert ending_of(tmp_path / "content") == ending
    photo.convert("L").save(tmp_path / "a.pgm")
    assert ending_of(tmp_path / "a.pgm") == ".pgm"
    assert ending_of(make_pdf(tmp_path / "b", [""])) == ".pdf"
