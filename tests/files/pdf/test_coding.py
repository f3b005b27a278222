"""Samples out of streams and into them."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from tests.files.pdf.making import image, jpeg, picture, plain
from udsd import ConfigError, ImageError
from udsd.files import restore_files
from udsd.files.options import WriteOptions
from udsd.files.pdf import lzw
from udsd.files.pdf.encoding import Encoded, encode
from udsd.files.pdf.lzw import check_lzw
from udsd.files.pdf.samples import Samples, read_samples
from udsd.files.pdf.spaces import Coloured
from udsd.files.pdf.two_valued import encode_group4

AS_IT_WAS = WriteOptions()


def through(encoded: Encoded, size: tuple[int, int], space: Name = Name.DeviceGray) -> Samples:
    """What a reader finds of coded samples."""
    with pikepdf.new() as pdf:
        stream = image(pdf, encoded.data, size, ColorSpace=space, BitsPerComponent=encoded.bits or 8)
        stream.Filter = Name(encoded.filter)
        if encoded.parameters:
            stream.DecodeParms = Dictionary(**encoded.parameters)
        return read_samples(stream, {Name.DeviceGray: 1, Name.DeviceRGB: 3, Name.DeviceCMYK: 4}[space])


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("space", [Name.DeviceGray, Name.DeviceRGB, Name.DeviceCMYK])
@pytest.mark.parametrize("width", [64, 61])
def test_what_loses_nothing_comes_back(bits: int, space: Name, width: int) -> None:
    channels = {Name.DeviceGray: 1, Name.DeviceRGB: 3, Name.DeviceCMYK: 4}[space]
    samples = picture(channels, top=2**bits - 1, width=width)
    with pikepdf.new() as pdf:
        read = read_samples(plain(samples, space, bits)(pdf), channels)
    np.testing.assert_array_equal(read.values, samples)
    encoded = encode(Coloured(samples, bits), read, AS_IT_WAS)
    assert encoded.filter == ("/CCITTFaxDecode" if (bits, channels) == (1, 1) else "/FlateDecode")
    np.testing.assert_array_equal(through(encoded, (width, 48), space).values, samples)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_jpeg_has_the_tables_that_it_had(channels: int) -> None:
    samples = picture(channels)
    with pikepdf.new() as pdf:
        stream = jpeg(samples, quality=63)(pdf)
        read = read_samples(stream, channels)
        source = Image.open(io.BytesIO(stream.read_raw_bytes()))
    # In the file, inks are the other way round; a Decode array says so.
    expected = samples if channels < 4 else 255 - samples
    assert np.abs(read.values.astype(int) - expected).max() < 30
    encoded = encode(Coloured(read.values, 8), read, AS_IT_WAS)
    again = Image.open(io.BytesIO(encoded.data))
    assert again.quantization == source.quantization  # type: ignore[attr-defined]
    assert again.mode == source.mode
    space = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}[channels]
    assert np.abs(through(encoded, (64, 48), space).values.astype(int) - read.values).max() <= 6
    coarse = encode(Coloured(read.values, 8), read, WriteOptions(quality=10))
    assert len(coarse.data) < len(encoded.data)


def test_a_jpeg_grows_only_as_far_as_it_may() -> None:
    sharp = np.random.default_rng(0).integers(0, 256, (120, 160, 1), np.uint8)
    file = io.BytesIO()
    Image.fromarray(sharp[..., 0]).save(file, "JPEG", quality=90)
    with pikepdf.new() as pdf:
        read = read_samples(jpeg(picture(height=120, width=160), quality=90)(pdf), 1)
    free = encode(Coloured(sharp, 8), read, AS_IT_WAS)
    assert len(free.data) <= 1.2 * len(file.getvalue())
    sizes = [len(encode(Coloured(sharp, 8), read, WriteOptions(max_growth=growth)).data) for growth in (4, 3, 2)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= growth * read.byte_count for size, growth in zip(sizes, (4, 3, 2), strict=True))
    assert sizes[0] > 0.8 * 4 * read.byte_count
    hopeless = encode(Coloured(sharp, 8), read, WriteOptions(quality=80, max_growth=0.01))
    assert "could not be made shorter" in hopeless.note


@pytest.mark.parametrize("growth", [0, -1, float("nan"), float("inf"), "2", True])
def test_growth_that_is_none_is_refused(growth: Any) -> None:
    with pytest.raises(ConfigError, match="max_growth"):
        WriteOptions(max_growth=growth)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_2000_stays_jpeg_2000(mode: str, brighter: Any, tmp_path: Path) -> None:
    channels = len(mode)
    samples = picture(channels, height=96, width=128)
    file = io.BytesIO()
    Image.fromarray(samples[..., 0] if channels == 1 else samples).save(file, "JPEG2000", irreversible=True)
    with pikepdf.new() as pdf:
        stream = image(pdf, file.getvalue(), (128, 96), Filter=Name.JPXDecode)
        read = read_samples(stream, None)
    assert read.values.shape[2] == channels
    encoded = encode(Coloured(read.values, 8), read, AS_IT_WAS)
    assert encoded.filter == "/JPXDecode"
    assert len(encoded.data) <= 1.3 * len(file.getvalue()) + 200
    space = Name.DeviceGray if channels == 1 else Name.DeviceRGB
    assert np.abs(through(encoded, (128, 96), space).values.astype(int) - read.values).mean() < 3


def test_a_jpeg_of_plain_rgb_is_told_by_the_pdf() -> None:
    samples = picture(3)
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "JPEG", quality=95, keep_rgb=True, subsampling=0)
    data = file.getvalue()
    start = data.index(b"\xff\xee")
    bare = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :]
    # Components that are not called R, G and B.
    bare = bare.replace(b"R\x11\x00G\x11\x00B\x11\x00", b"\1\x11\x00\2\x11\x00\3\x11\x00").replace(
        b"\x03R\x00G\x00B\x00", b"\x03\1\x00\2\x00\3\x00"
    )
    entries = {"ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8, "Filter": Name.DCTDecode}
    with pikepdf.new() as pdf:
        read = read_samples(image(pdf, bare, (64, 48), DecodeParms=Dictionary(ColorTransform=0), **entries), 3)
    assert np.abs(read.values.astype(int) - samples).max() < 12


def test_filters_one_above_the_other() -> None:
    with pikepdf.new() as pdf:
        inner = jpeg(picture())(pdf)
        data = zlib.compress(inner.read_raw_bytes()).hex().encode() + b">"
        stream = image(pdf, data, (64, 48), ColorSpace=Name.DeviceGray, BitsPerComponent=8)
        stream.Filter = Array([Name.ASCIIHexDecode, Name.FlateDecode, Name.DCTDecode])
        np.testing.assert_array_equal(read_samples(stream, 1).values, read_samples(inner, 1).values)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"Width": 0}, "its width is 0"),
        ({"Height": Name.No}, "its height is"),
        ({"BitsPerComponent": 3}, "3 bits a colour"),
        ({"Width": 65}, "cut off"),
    ],
)
def test_nonsense_is_named(entries: dict[str, Any], reason: str) -> None:
    with pikepdf.new() as pdf, pytest.raises(ImageError, match=reason):
        read_samples(plain(picture(), **entries)(pdf), 1)


def test_a_jpeg_that_is_not_what_the_file_says() -> None:
    with pikepdf.new() as pdf:
        with pytest.raises(ImageError, match="hold 64x48 pixels, and the file says 32x48"):
            read_samples(jpeg(picture(), Width=32)(pdf), 1)
        with pytest.raises(ImageError, match="hold 1 colours, and the file says 3"):
            read_samples(jpeg(picture(), Name.DeviceRGB)(pdf), 3)


def test_group_4_of_any_size() -> None:
    random = np.random.default_rng(0)
    for height, width in ((1, 1), (3, 7), (40, 33), (200, 1700)):
        samples = (random.random((height, width)) < 0.3).astype(np.uint8)
        for values in (samples, 1 - samples):
            data, parameters = encode_group4(values)
            found = through(Encoded(data, "/CCITTFaxDecode", parameters, 1), (width, height))
            np.testing.assert_array_equal(found.values[..., 0], values)


def lzw_of(data: bytes) -> bytes:
    file = io.BytesIO()
    Image.frombytes("L", (len(data), 1), data).save(file, "TIFF", compression="tiff_lzw")
    with Image.open(file) as written:
        (offset,), (length,) = written.tag_v2[273], written.tag_v2[279]  # type: ignore[attr-defined]
    return file.getvalue()[offset : offset + length]


def test_the_length_of_lzw_is_known_without_decoding_it(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 30_000, np.uint8).tobytes()
    for data in (bytes(3_000_000), noise, noise[:100] * 3000, b"a"):
        assert lzw._decoded_length(lzw_of(data), 10**9) == len(data)
    packed = lzw_of(bytes(3_000_000))
    check_lzw(packed)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    with pytest.raises(ImageError, match="LZW"):
        check_lzw(packed)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    check_lzw(packed)


def test_an_image_of_lzw_is_read(brighter: Any, tmp_path: Path) -> None:
    samples = picture()
    with pikepdf.new() as pdf:
        data = lzw_of(samples.tobytes())
        stream = image(pdf, data, (64, 48), ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.LZWDecode)
        np.testing.assert_array_equal(read_samples(stream, 1).values, samples)


def test_options_are_read_from_folders_too(brighter: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_growth"):
        restore_files(brighter, [tmp_path], tmp_path / "out", max_growth=-1)
    with pytest.raises(ConfigError, match="pages"):
        restore_files(brighter, [tmp_path], tmp_path / "out", pages="x")
