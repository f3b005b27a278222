from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from tests.pictures import colourful, deep_pixels
from udsd.images import decode_image
from udsd.images.depth import stored_bits

# The properties of an AV1 and of an HEVC picture, as their files have them.
AV1 = {8: b"av1C\x81\x00\x0c\x00", 10: b"av1C\x81\x20\x4c\x00", 12: b"av1C\x81\x40\x6c\x00"}


def test_sixteen_bits_of_jpeg_2000_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cv2.imwrite(str(tmp_path / "a.jp2"), deep_pixels(3, (100, 120)))
    decode_image(tmp_path / "a.jp2")
    assert "of its 16 bits per colour 8 are read" in caplog.text


def test_sixteen_bits_of_grey_jpeg_2000_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    grey = np.asarray(deep_pixels()[..., 0])
    Image.fromarray(grey).save(tmp_path / "a.jp2")
    decoded = decode_image(tmp_path / "a.jp2")
    np.testing.assert_array_equal(np.asarray(decoded.encode(decoded.pixels)), grey)
    assert not caplog.text


def test_ten_bits_of_heic_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    deep = pillow_heif.from_bytes("RGB;16", (30, 20), deep_pixels().tobytes())
    deep.save(tmp_path / "a.heic", quality=90)
    decode_image(tmp_path / "a.heic")
    assert "of its 10 bits per colour 8 are read" in caplog.text or "of its 12 bits" in caplog.text


@pytest.mark.parametrize("ending", [".jp2", ".j2k", ".avif", ".heic"])
def test_of_eight_bits_nothing_is_told(ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    colourful().save(tmp_path / f"a{ending}")
    decode_image(tmp_path / f"a{ending}")
    assert not caplog.text


@pytest.mark.parametrize("bits", AV1)
def test_bits_of_avif(bits: int) -> None:
    file = io.BytesIO(b"\0\0\0\x1cftypavif" + bytes(40) + AV1[bits])
    file.seek(3)
    assert stored_bits(file) == bits
    assert file.tell() == 3


@pytest.mark.parametrize("content", [b"", b"av1C", b"hvcC\x01", b"\xff\x4f\xff\x51\0"])
def test_where_the_file_ends_nothing_is_known(content: bytes) -> None:
    assert stored_bits(io.BytesIO(content)) <= 8
