from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import udsd
from udsd.errors import ImageError
from udsd.images import ImageLike, side_by_side


def test_the_figure_is_that_of_the_command(photo: Image.Image) -> None:
    mirrored = photo.rotate(180)
    expected = side_by_side([photo, mirrored], ["blurred", "restored"])
    assert np.array_equal(np.asarray(udsd.compare(photo, mirrored)), np.asarray(expected))


@pytest.mark.parametrize("kind", ["path", "array", "floats", "tensor", "batch"])
def test_kinds_of_images_make_no_difference(kind: str, photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.png")
    pixels = np.asarray(photo)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    kinds: dict[str, ImageLike] = {
        "path": tmp_path / "photo.png",
        "array": pixels,
        "floats": pixels / 255,
        "tensor": tensor,
        "batch": torch.stack([tensor, 255 - tensor]),
    }
    expected = udsd.compare(photo, photo, captions=("a", "b"))
    assert np.array_equal(np.asarray(udsd.compare(photo, kinds[kind], captions=("a", "b"))), np.asarray(expected))


def test_sizes_may_differ_and_grey_stays_grey(photo: Image.Image) -> None:
    figure = np.asarray(udsd.compare(np.full((30, 20), 90, np.uint8), photo))
    assert ((figure == 90).all(axis=-1)).sum() >= 30 * 20
    assert np.ptp(figure, axis=-1).max() > 0


@pytest.mark.parametrize("captions", ["ab", (), ("one",), ("one", "two", "three")])
def test_other_than_two_captions_are_refused(captions: tuple[str, str], photo: Image.Image) -> None:
    with pytest.raises(ImageError, match=r"captions is .*; give two, one for each image"):
        udsd.compare(photo, photo, captions=captions)


def test_what_is_no_image_is_told(photo: Image.Image, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"missing\.png"):
        udsd.compare(tmp_path / "missing.png", photo)
    with pytest.raises(ImageError, match="NoneType is not taken as an image"):
        udsd.compare(photo, None)
