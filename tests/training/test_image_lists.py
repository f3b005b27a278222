from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.training.image_lists import check_images, leave_out_shared, list_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png 40 x 40, b.png 20 x 40, a copy of a.png, and a file that is no image."""
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / "a.png")
    Image.fromarray(random.integers(0, 256, (40, 20, 3), dtype=np.uint8)).save(folder / "b.png")
    shutil.copy(folder / "a.png", folder / "copy.png")
    (folder / "notes.png").write_text("no image")
    return folder


def test_the_check_names_what_is_wrong(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        kept = check_images(list_images([str(folder)]), crop_size=32)
    assert kept == [folder / "a.png", folder / "b.png"]
    unreadable, copies, small = caplog.messages
    assert "cannot be read" in unreadable
    assert "notes.png" in unreadable
    assert "copies" in copies
    assert "copy.png" in copies
    assert "smaller than a crop of 32 px" in small
    assert "b.png" in small


def test_nothing_is_said_when_all_is_well(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check_images([folder / "a.png", folder / "b.png"], crop_size=16) == [folder / "a.png", folder / "b.png"]
    assert not caplog.messages


def test_a_folder_without_a_readable_image(folder: Path) -> None:
    with pytest.raises(ImageError, match=r"none of the 1 files.*notes\.png"):
        check_images([folder / "notes.png"], crop_size=16)


def test_lists_of_paths_are_read_relative_to_themselves(folder: Path) -> None:
    listed = folder.parent / "list.txt"
    listed.write_text("images/b.png\n\n  images/a.png\n")
    assert list_images([str(listed)]) == [folder / "b.png", folder / "a.png"]
    assert list_images([str(folder), str(listed)]) == sorted(folder.iterdir())


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"missing\.txt"):
        list_images([str(tmp_path / "missing.txt")])


SIDES = {"role": "blurred", "other_role": "sharp"}


def test_a_link_to_a_folder_does_not_hide_what_is_shared(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    with pytest.raises(ImageError, match="all validation images are among the training ones"):
        leave_out_shared([tmp_path / "link" / "a.png"], [folder / "a.png"], role="validation", other_role="training")


def test_copies_of_sharp_images_are_no_blurred_images(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    sharp = [folder / "a.png"]
    with caplog.at_level(logging.WARNING):
        assert leave_out_shared([folder / "copy.png", folder / "b.png"], sharp, **SIDES) == [folder / "b.png"]
    assert "1 image(s) are both blurred and sharp images, and are left out of the blurred ones" in caplog.text
    with pytest.raises(ImageError, match="other scenes"):
        leave_out_shared([folder / "a.png", folder / "copy.png"], sharp, **SIDES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_named_pipes_are_left_out_as_images_and_refused_as_lists(folder: Path) -> None:
    for name in ("pipe.png", "pipe.txt"):
        os.mkfifo(folder / name)
    assert check_images(list_images([str(folder)]), crop_size=16) == [folder / "a.png", folder / "b.png"]
    with pytest.raises(ImageError, match=r"pipe\.txt.*not a file"):
        list_images([str(folder / "pipe.txt")])


def test_bad_paths_of_a_list_are_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [
        "images/a.png",
        "missing.png",
        "n" * 300 + ".png",
        "loop/x.png",
        "images/a.png/x.png",
        "images",
        "nul\0.png",
    ]
    (folder.parent / "loop").symlink_to("loop")
    (folder.parent / "list.txt").write_text("\n".join(names), encoding="utf-8-sig")
    assert check_images(list_images([str(folder.parent / "list.txt")]), 16) == [folder / "a.png"]
    assert "6 image(s) cannot be read and are left out" in caplog.text


def test_the_pictures_of_a_run_are_not_trained_on(folder: Path) -> None:
    (folder / "run" / "samples").mkdir(parents=True)
    shutil.copy(folder / "b.png", folder / "run" / "samples" / "grid.png")
    found = {path.name for path in list_images([str(folder)], besides=folder / "run")}
    assert found == {"a.png", "b.png", "copy.png", "notes.png"}


def test_images_that_a_run_was_given_in_memory_are(folder: Path) -> None:
    (folder / "images" / "sharp").mkdir(parents=True)
    shutil.copy(folder / "a.png", folder / "images" / "sharp" / "0.png")
    given = str(folder / "images" / "sharp")
    assert [path.name for path in list_images([given], besides=folder)] == ["0.png"]
    with pytest.raises(ImageError, match=r"all images lie in the output folder .*; give an output folder that holds"):
        list_images([str(folder)], besides=folder)


def test_no_folder_at_all_is_told() -> None:
    with pytest.raises(ImageError, match="no folder of images is given"):
        list_images([])


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(ImageError, match="is empty"):
        list_images([""])
