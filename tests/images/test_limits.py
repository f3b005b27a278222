from __future__ import annotations

import pytest
from PIL import Image

from udsd.errors import ConfigError
from udsd.images import set_pixel_limit
from udsd.images.limits import check_size


def test_an_image_of_just_the_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    set_pixel_limit(12)
    assert Image.MAX_IMAGE_PIXELS == 12
    check_size(Image.new("L", (4, 3)))
    with pytest.raises(Image.DecompressionBombError):
        check_size(Image.new("L", (13, 1)))


def test_without_a_limit_anything_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    check_size(Image.new("1", (100_000, 1000)))


@pytest.mark.parametrize("pixels", [0, -1])
def test_a_limit_is_at_least_one(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with pytest.raises(ConfigError, match=f"{pixels} pixels; give at least 1"):
        set_pixel_limit(pixels)
    assert Image.MAX_IMAGE_PIXELS == 7
