from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.pictures import (
    colourful,
    srgb_profile,
    through,
)
from udsd.errors import ImageError
from udsd.images import decode_image
from udsd.images.modes import over_white, to_eight_bits, to_restorable


def test_inks_become_the_colours_that_their_profile_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inks = colourful().convert("CMYK")
    inks.save(tmp_path / "plain.tif")
    plain = decode_image(tmp_path / "plain.tif")
    np.testing.assert_array_equal(
        np.asarray(plain.encode(plain.pixels)), np.asarray(inks.convert("RGB"))
    )  # without a profile there is nothing better
    seen: list[bytes] = []

    def transform(image: Image.Image, source: ImageCms.core.CmsProfile, *_: object, **__: object) -> Image.Image:
        seen.append(ImageCms.ImageCmsProfile(source).tobytes())
        return Image.new("RGB", image.size, (1, 2, 3))

    monkeypatch.setattr(ImageCms, "profileToProfile", transform)
    inks.save(tmp_path / "managed.tif", icc_profile=srgb_profile())
    managed = decode_image(tmp_path / "managed.tif")
    restored = managed.encode(managed.pixels)
    assert seen == [srgb_profile()]
    assert restored.getpixel((0, 0)) == (1, 2, 3)
    assert "icc_profile" not in restored.info
    monkeypatch.undo()
    # A profile that is not for inks cannot be used: said, and not fatal.
    decode_image(tmp_path / "managed.tif")
    assert "colours are approximate" in caplog.text


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (lambda: Image.new("1", (9, 9), 1), "L"),
        (lambda: colourful().quantize(16), "RGB"),
        (lambda: colourful().convert("L"), "L"),
    ],
    ids=["1-bit", "palette", "grey"],
)
def test_pages_of_few_colours_become_what_they_can_show(
    tmp_path: Path, make: Callable[[], Image.Image], mode: str
) -> None:
    buffer = io.BytesIO()
    make().save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    with Image.open(through(tmp_path / "a.png", tmp_path / "b.png")) as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), np.asarray(make().convert(mode)))


def test_sixteen_bits_are_rounded_to_eight_and_other_modes_stay() -> None:
    deep = Image.fromarray(np.array([[0, 128, 129, 65407, 65535]], np.uint16))
    assert np.asarray(to_eight_bits(deep)).tolist() == [[0, 0, 1, 255, 255]]
    assert to_eight_bits(colourful()) == colourful()


def test_transparent_images_lie_on_white_paper() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(10, 20, 30, 255), (0, 0, 0, 0), (0, 0, 0, 51)])
    assert np.asarray(over_white(image)).tolist() == [[[10, 20, 30], [255] * 3, [204] * 3]]
    assert np.asarray(over_white(image.convert("LA")))[0, 1:].tolist() == [255, 204]
    assert over_white(colourful()) == colourful()


@pytest.mark.parametrize("format_name", ["PNG", "PPM"])
def test_whole_numbers_of_32_bits_hold_16_where_a_format_has_no_more(format_name: str) -> None:
    image = Image.fromarray(np.array([[0, 65535]], np.int32))
    with pytest.raises(ImageError, match="mode I has no fixed range"):
        to_restorable(image)
    image.format = format_name
    restorable = to_restorable(image)
    assert restorable.mode == "I;16"
    assert np.asarray(restorable).tolist() == [[0, 65535]]
