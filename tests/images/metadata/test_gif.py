from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.metadata_files import is_upright, sideways
from tests.pictures import XMP, identity, opened, through
from udsd.images.metadata import gif


def with_xmp(path: Path, xmp: bytes = XMP) -> Path:
    sideways().save(path)
    gif.add_xmp(path, xmp)
    return path


def test_xmp_is_carried(tmp_path: Path) -> None:
    target = through(with_xmp(tmp_path / "a.gif"), tmp_path / "b.gif")
    with target.open("rb") as file:
        file.seek(3)
        assert gif.found_xmp(file) == XMP
        assert file.tell() == 3
    assert target.read_bytes().startswith(b"GIF89a")
    assert opened(target).size == sideways().size
    assert identity(through(target, tmp_path / "c.png")).info["xmp"] == XMP
    with Image.open(target) as image:
        assert identity(image).info["xmp"] == XMP


def test_an_animation_stays_one(tmp_path: Path) -> None:
    other = sideways().transpose(Image.Transpose.ROTATE_180)
    sideways().save(tmp_path / "a.gif", save_all=True, append_images=[other], duration=[50, 60], loop=0)
    gif.add_xmp(tmp_path / "a.gif", XMP)
    with Image.open(through(tmp_path / "a.gif", tmp_path / "b.gif")) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
    with (tmp_path / "b.gif").open("rb") as file:
        assert gif.found_xmp(file) == XMP


def test_an_orientation_in_it(tmp_path: Path) -> None:
    assert is_upright(identity(with_xmp(tmp_path / "a.gif", b'tiff:Orientation="6"')))


@pytest.mark.parametrize("size", [2**20 - 7, 2**20, 3 * 2**20])
def test_it_is_found_wherever_it_lies(size: int) -> None:
    whole = bytes(size) + gif._HEAD + XMP * 30_000 + gif._TRAIL + b";"
    assert gif.found_xmp(io.BytesIO(whole)) == XMP * 30_000
    assert gif.found_xmp(io.BytesIO(whole[:-2])) is None
    assert gif.found_xmp(io.BytesIO(bytes(size))) is None


def test_a_hole_behind_the_image_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif, "_MOST_BYTES", 2**20)
    whole = bytes(3 * 2**20) + gif._HEAD + XMP + gif._TRAIL
    assert gif.found_xmp(io.BytesIO(whole)) is None
