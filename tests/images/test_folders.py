from __future__ import annotations

import os
from pathlib import Path

import pytest

from udsd.errors import ImageError
from udsd.images import find_images
from udsd.images.folders import find_files


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_images_are_found_in_order_below_the_folder(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a.JPG", "z/c.tif", "m/n/d.webp", "m/a.bmp", "notes.txt", "png", "archive.png.zip")
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.JPG", "b.png", "m/a.bmp", "m/n/d.webp", "z/c.tif"]


def test_hidden_names_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, ".a.png", "._b.png", ".cache/c.png", "d.png", ".png")
    assert list(find_images(tmp_path)) == [tmp_path / "d.png"]


def test_folders_are_listed_only_when_reached(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "later/b.png")
    images = find_images(tmp_path)
    assert next(images) == tmp_path / "a.png"
    make(tmp_path, "later/c.png")
    assert [path.name for path in images] == ["b.png", "c.png"]


def test_linked_files_are_taken_and_linked_folders_are_not(tmp_path: Path) -> None:
    make(tmp_path, "images/a.png")
    (tmp_path / "images" / "loop").symlink_to(tmp_path / "images")
    (tmp_path / "images" / "b.png").symlink_to(tmp_path / "images" / "a.png")
    assert [path.name for path in find_images(tmp_path / "images")] == ["a.png", "b.png"]


def test_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert list(find_images(tmp_path)) == []


def test_missing_folder_is_an_error_at_once(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    with pytest.raises(ImageError, match="no such folder"):
        find_images(tmp_path / "gone")
    with pytest.raises(ImageError, match="is a file"):
        find_images(tmp_path / "a.png")


def test_unlisted_folder_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a.png", "locked/b.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [path.name for path in find_images(tmp_path)] == ["a.png"]
    assert "locked: cannot be listed (Permission denied)" in caplog.text


def test_other_files_are_found_by_their_endings(tmp_path: Path) -> None:
    make(tmp_path, "a.PDF", "b.png", "c/d.pdf", ".e.pdf")
    assert [path.name for path in find_files(tmp_path, {".pdf"})] == ["a.PDF", "d.pdf"]
