from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.pictures import deep_pixels, random_image, through
from udsd.errors import ImageError
from udsd.images import DeepImage, ImagePages, decode_image, save_image
from udsd.images.mark import is_marked, mark_file

MAGIC = {(1, "raw"): 5, (3, "raw"): 6, (1, "plain"): 2, (3, "plain"): 3}
TUPLES = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}


def netpbm(samples: NDArray[np.integer], largest: int, kind: str) -> bytes:
    """A PGM, PPM or PAM of samples (H, W, C) up to ``largest``."""
    height, width, channels = samples.shape
    raw = samples.astype(">u2" if largest > 255 else np.uint8).tobytes()
    if kind == "PAM":
        header = f"P7\n# by hand\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {largest}\n"
        return f"{header}TUPLTYPE {TUPLES[channels]}\nENDHDR\n".encode() + raw
    header = f"P{MAGIC[channels, kind]}\n# by hand\n{width} {height}\n{largest}\n"
    plain = "\n".join(" ".join(map(str, row)) for row in samples.reshape(height, -1)).encode()
    return header.encode() + (raw if kind == "raw" else plain)


def shown(path: Path) -> NDArray[np.uint16] | NDArray[np.uint8]:
    (page,) = ImagePages(path)
    image = page.encode(page.pixels)
    pixels = image.pixels if isinstance(image, DeepImage) else np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)


@pytest.mark.parametrize("largest", [1, 7, 100, 255, 256, 1000, 4095, 65534, 65535])
@pytest.mark.parametrize(
    ("channels", "kind"), [*itertools.product((1, 3), ("raw", "plain", "PAM")), (2, "PAM"), (4, "PAM")]
)
def test_any_white(largest: int, channels: int, kind: str, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(0, largest + 1, (9, 7, channels))
    if channels in (2, 4):
        samples[..., -1] = np.maximum(samples[..., -1], 1)
    (tmp_path / "a.ppm").write_bytes(netpbm(samples, largest, kind))
    pixels = shown(tmp_path / "a.ppm")
    assert pixels.dtype == (np.uint8 if largest <= 255 else np.uint16)
    white = 255 if largest <= 255 else 65535
    expected = samples * (white / largest)
    if channels == 2 and white == 65535:
        expected = expected[..., [0, 0, 0, 1]]
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() < 0.5 + 1e-9


@pytest.mark.parametrize("ending", [".png", ".tif", ".ppm", ".pam"])
def test_sixteen_bits_are_written(ending: str, tmp_path: Path) -> None:
    pixels = deep_pixels()
    (tmp_path / "a.ppm").write_bytes(netpbm(pixels, 65535, "raw"))
    result = through(tmp_path / "a.ppm", tmp_path / f"b{ending}")
    np.testing.assert_array_equal(shown(result), pixels)
    if ending != ".pam":
        read = cv2.imread(str(result), cv2.IMREAD_UNCHANGED)
        assert read is not None
        np.testing.assert_array_equal(read[..., ::-1], pixels)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_every_mode_comes_back_from_a_pam(mode: str, tmp_path: Path) -> None:
    image = random_image(mode)
    save_image(image, tmp_path / "a.pam")
    mark_file(tmp_path / "a.pam")
    assert is_marked(tmp_path / "a.pam")
    np.testing.assert_array_equal(shown(tmp_path / "a.pam").squeeze(), np.asarray(image))


def test_transparency_of_sixteen_bits_is_put_on_white_in_a_ppm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = deep_pixels(4)
    pixels[:5, ..., 3], pixels[5:10, ..., 3] = 0, 65535
    save_image(DeepImage(pixels, {}), tmp_path / "a.ppm")
    result = shown(tmp_path / "a.ppm")
    assert (result[:5] == 65535).all()
    np.testing.assert_array_equal(result[5:10], pixels[5:10, ..., :3])
    assert "holds no transparency" in caplog.text


def test_plain_numbers_across_the_parts_in_which_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udsd.images.netpbm._PART", 7)
    samples = deep_pixels(1)
    (tmp_path / "a.pgm").write_bytes(netpbm(samples, 65535, "plain").replace(b" ", b"\t"))
    np.testing.assert_array_equal(shown(tmp_path / "a.pgm"), samples)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P6\n4 4\n65535\n" + bytes(95), "damaged or cut off .95 of 96 bytes"),
        (b"P3\n1 1\n1000\n5 6", "2 of 3 numbers"),
        (b"P2\n1 1\n1000\nx", "damaged"),
        (b"P6\n0 4\n65535\n", "the image is empty"),
        (b"P6\n99999 99999\n65535\n", "more than the .* pixels"),
        (b"P6\n4 4\n65536\n" + bytes(96), "damaged"),
        (b"P7\nWIDTH 4\nHEIGHT 4\nDEPTH 3\nMAXVAL 255\n", "has no end"),
        (b"P7\nWIDTH 4\nHEIGHT x\nDEPTH 3\nMAXVAL 255\nENDHDR\n", "lacks a number"),
        (b"P7\nWIDTH -4\nHEIGHT 4\nDEPTH 3\nMAXVAL 255\nENDHDR\n", "a negative size"),
        (b"P7\nWIDTH 4\nHEIGHT 4\nDEPTH 4\nMAXVAL 255\nTUPLTYPE CMYK\nENDHDR\n", "4 channels CMYK is not read"),
        (b"P7\nWIDTH 4\nHEIGHT 4\nDEPTH 9\nMAXVAL 255\nENDHDR\n", "9 channels"),
        (b"P7\nWIDTH 4\nHEIGHT 4\nDEPTH 1\nMAXVAL 0\nENDHDR\n", "its white is 0"),
    ],
)
def test_what_cannot_be_read_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(content)
    with pytest.raises(ImageError, match=message):
        decode_image(tmp_path / "a.ppm")
