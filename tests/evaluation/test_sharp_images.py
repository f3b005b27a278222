from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from udsd.errors import ImageError
from udsd.evaluation.sharp_images import read_rgb, whole_images


def test_read_gives_back_every_level(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.stack([levels, levels.T, 255 - levels], axis=2)
    PillowImage.fromarray(image).save(tmp_path / "levels.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "levels.png"), image)


def test_read_repeats_grey_in_three_channels(tmp_path: Path) -> None:
    PillowImage.new("L", (5, 4), 90).save(tmp_path / "grey.png")
    image = read_rgb(tmp_path / "grey.png")
    assert image.shape == (4, 5, 3)
    assert (image == 90).all()


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("no image")
    with pytest.raises(ImageError, match=r"page\.png"):
        read_rgb(tmp_path / "page.png")


def test_whole_images_keep_their_order_and_names(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (2, 6, 9, 3), dtype=np.uint8)
    files = [tmp_path / "b.png", tmp_path / "a.png"]
    for file, image in zip(files, levels, strict=True):
        PillowImage.fromarray(image).save(file)
    images = list(whole_images(files))
    assert [image.name for image in images] == ["b.png", "a.png"]
    np.testing.assert_array_equal([image.image for image in images], levels)


def test_what_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.png", "c.png"):
        PillowImage.new("RGB", (5, 4)).save(tmp_path / name)
    (tmp_path / "b.png").write_text("no image")
    found = whole_images([tmp_path / name for name in ("b.png", "a.png", "missing.png", "c.png")])
    assert [image.name for image in found] == ["a.png", "c.png"]
    assert [message.split(": ")[1] for message in caplog.messages] == [
        str(tmp_path / "b.png"),
        str(tmp_path / "missing.png"),
    ]
