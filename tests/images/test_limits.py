from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import colourful, deep_pixels, deep_png, through
from udsd.errors import ConfigError, ImageError
from udsd.images import ImagePages, decode_image, headers, jpeg, limits, save_pages, set_page_limit, set_pixel_limit
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
    with pytest.raises(ConfigError, match=f"limit on pixels is {pixels}; give a whole number of at least 1"):
        set_pixel_limit(pixels)
    assert Image.MAX_IMAGE_PIXELS == 7


def test_limits_as_numpy_gives_them_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    monkeypatch.setattr(limits, "_pages", 7)
    set_pixel_limit(np.int64(12))
    assert Image.MAX_IMAGE_PIXELS == 12
    set_pixel_limit(None)
    assert Image.MAX_IMAGE_PIXELS is None
    set_page_limit(np.int64(3))
    assert limits.page_limit() == 3
    for pages in (None, 0, 2.5):
        with pytest.raises(ConfigError, match=f"limit on pages is {pages}"):
            set_page_limit(pages)  # type: ignore[arg-type]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of 1000 pixels, files of 20 pages."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(limits, "_pages", 20)


def tiff_chain(path: Path, pages: int, *, loops: bool = False, size: tuple[int, int] = (1, 1)) -> Path:
    """A TIFF of many directories that all show the same bytes; the last may lead back to the first."""
    content, directory = bytearray(b"II*\0" + struct.pack("<I", 1016) + b"\x7f" * 1008), 2 + 12 * 9 + 4
    for index in range(pages):
        behind = len(content) + directory if index < pages - 1 else 1016 if loops else 0
        tags = [(256, size[0]), (257, size[1]), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, size[1])]
        entries = [*tags, (279, size[0] * size[1])]
        content += struct.pack("<H", 9) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
        content += struct.pack("<I", behind)
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("small_limits")
def test_a_file_has_as_many_pages_as_are_allowed(tmp_path: Path) -> None:
    assert ImagePages(tiff_chain(tmp_path / "a.tif", 20)).count == 20
    with pytest.raises(ImageError, match=r"b\.tif: has more than the 20 pages.*--max-pages"):
        ImagePages(tiff_chain(tmp_path / "b.tif", 21))
    first, *others = [Image.new("L", (4, 4), index) for index in range(21)]
    first.save(tmp_path / "c.gif", save_all=True, append_images=others)
    with pytest.raises(ImageError, match=r"c\.gif: has more than the 20 pages"):
        ImagePages(tmp_path / "c.gif")
    set_page_limit(21)
    assert ImagePages(tmp_path / "b.tif").count == ImagePages(tmp_path / "c.gif").count == 21


def test_the_limit_of_pages_is_at_least_one() -> None:
    with pytest.raises(ConfigError, match="limit on pages is 0; give a whole number of at least 1"):
        set_page_limit(0)


@pytest.mark.usefixtures("small_limits")
def test_pages_that_lead_back_to_the_first_end_there(tmp_path: Path) -> None:
    assert ImagePages(tiff_chain(tmp_path / "a.tif", 3, loops=True)).count == 3


def test_all_pages_together_may_have_a_hundred_times_the_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12)
    assert len([*ImagePages(tiff_chain(tmp_path / "a.tif", 100, size=(4, 3)))]) == 100
    pages = ImagePages(tiff_chain(tmp_path / "b.tif", 101, size=(4, 3)))
    assert pages.read(0).pixels.shape == (1, 3, 3, 4)
    with pytest.raises(
        ImageError, match=r"b\.tif: its 101 pages have 1212 pixels together, more than 100 times the 12"
    ):
        list(pages)


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_the_frames_of_an_animation_may_have_three_times_the_pixels(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 32)
    for count in (3, 4):
        first, *others = [colourful().rotate(90 * index) for index in range(count)]
        first.save(tmp_path / f"{count}.{ending}", save_all=True, append_images=others)
    assert len([*ImagePages(tmp_path / f"3.{ending}")]) == 3
    with pytest.raises(ImageError, match="the frames of an animation, which are kept in memory, have 6144 pixels"):
        through(tmp_path / f"4.{ending}", tmp_path / f"out.{ending}")
    assert decode_image(tmp_path / f"4.{ending}").pixels.shape == (1, 3, 32, 48)


def test_a_frame_that_lets_a_gif_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    content = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    for corner in (0, 29, 0, 0):
        content += b"!\xf9\4\0\1\0\0\0," + struct.pack("<HHHHB", corner, corner, 1, 1, 0) + b"\2\2\x44\1\0"
    (tmp_path / "a.gif").write_bytes(content + b";")
    with pytest.raises(ImageError, match="have 3600 pixels together"):
        through(tmp_path / "a.gif", tmp_path / "b.gif")


def test_pages_of_a_tiff_are_counted_when_they_become_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    pages = [Image.new("L", (30, 30), index) for index in range(5)]
    save_pages(pages, tmp_path / "a.tif")
    with pytest.raises(ImageError, match="have 3600 pixels together, more than 3 times the 1000"):
        save_pages(pages, tmp_path / "a.gif")
    assert not (tmp_path / "a.gif").exists()


def jpeg_of_scans(path: Path, scans: int) -> Path:
    """A progressive JPEG of 16x16 pixels whose last scan is there again and again."""
    buffer = io.BytesIO()
    colourful((16, 16)).convert("L").save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()[:-2]
    last = content.rindex(b"\xff\xc4")
    more = scans - content.count(b"\xff\xda")
    path.write_bytes(content + content[last:] * more + b"\xff\xd9")
    return path


def test_the_scans_of_a_jpeg_may_have_a_hundred_times_the_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 256)
    decode_image(jpeg_of_scans(tmp_path / "a.jpg", 100))
    with pytest.raises(ImageError, match=r"b\.jpg: the first \d+ scans of the JPEG.*have \d+ pixels.*--max-pixels"):
        decode_image(jpeg_of_scans(tmp_path / "b.jpg", 500))


@pytest.mark.parametrize(
    "beside",
    [b"\xff\xfe\0\2" * 5000, b"\xff" * 5000, (b"\xff\xe1\xff\xffExif\0\0" + bytes(65527)) * 600],
    ids=["tiny segments", "fill bytes", "EXIF"],
)
def test_a_jpeg_that_says_too_much_beside_its_picture(beside: bytes, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    colourful().save(buffer, "JPEG")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8" + beside + buffer.getvalue()[2:])
    with pytest.raises(ImageError, match="has more than 4096 segments, or 33554432 bytes beside its pixels"):
        decode_image(tmp_path / "a.jpg")


def test_scans_are_counted_in_the_picture_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in what looks like them inside of segments and behind the end, wherever parts of the file are cut."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 256)
    scan = b"\xff\xda\0\x08\1"
    content = jpeg_of_scans(tmp_path / "a.jpg", 90).read_bytes()
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(scan) * 500) + scan * 500
    (tmp_path / "a.jpg").write_bytes(content[:2] + comment + content[2:] + scan * 500)
    for part in (4, 5, 97, 2**18):
        monkeypatch.setattr(jpeg, "_PART", part)
        decode_image(tmp_path / "a.jpg")
        with pytest.raises(ImageError, match="the first 101 scans"):
            decode_image(jpeg_of_scans(tmp_path / "b.jpg", 120))


@pytest.mark.parametrize(
    ("kind", "data", "times"), [(b"tEXt", b"a\0", 2**17), (b"prVt", bytes(2**20), 33), (b"IDAT", b"", 2**17)]
)
def test_a_png_that_says_too_much_beside_its_picture(kind: bytes, data: bytes, times: int, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    colourful().save(buffer, "PNG")
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    content = buffer.getvalue()
    (tmp_path / "a.png").write_bytes(content[:33] + chunk * times + content[33:])
    with pytest.raises(ImageError, match="has more than 131072 chunks, or 33554432 bytes beside its pixels"):
        decode_image(tmp_path / "a.png")


@pytest.mark.parametrize("content", [deep_png(deep_pixels()), None])
def test_pixels_of_a_png_that_are_longer_than_they_can_be(content: bytes | None, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    colourful().save(buffer, "PNG")
    content = content or buffer.getvalue()
    at = content.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(content[:at] + struct.pack(">I", 2**31 - 1) + content[at + 4 :])
    os.truncate(tmp_path / "a.png", 2**31 + at + 16)
    with pytest.raises(ImageError, match=r"compressed pixels are longer than \d+x\d+ pixels can be"):
        decode_image(tmp_path / "a.png")


def test_a_gif_of_endless_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "_MOST_PIECES", 50)
    monkeypatch.setattr(limits, "_pages", 5)
    colourful().convert("L").save(tmp_path / "a.gif")
    content = (tmp_path / "a.gif").read_bytes()
    at = content.index(b",", 13 + 768)
    for comments, refused in ((60, False), (61, True)):
        (tmp_path / "a.gif").write_bytes(content[:at] + b"!\xfe\1x\0" * comments + content[at:])
        if not refused:
            assert decode_image(tmp_path / "a.gif").pixels.shape == (1, 3, 32, 48)
            continue
        with pytest.raises(ImageError, match="has more than 50 extensions"):
            decode_image(tmp_path / "a.gif")


@pytest.mark.parametrize("between", [0, 2**16, 2**16 + 1, 2**40])
def test_a_gif_with_a_hole_between_its_blocks(tmp_path: Path, between: int) -> None:
    """Pillow goes over it byte by byte, also behind the frames."""
    colourful().convert("L").save(tmp_path / "a.gif")
    length = (tmp_path / "a.gif").stat().st_size
    os.truncate(tmp_path / "a.gif", length - 1)  # without its end
    os.truncate(tmp_path / "a.gif", length - 1 + between)
    if between <= 2**16:
        assert decode_image(tmp_path / "a.gif").pixels.shape == (1, 3, 32, 48)
        return
    with pytest.raises(ImageError, match="more than 65536 bytes between its blocks"):
        decode_image(tmp_path / "a.gif")


@pytest.mark.parametrize("ending", ["webp", "avif"])
def test_a_file_that_is_read_whole_is_no_longer_than_its_pixels(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{ending}"
    colourful().save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**4)
    os.truncate(path, 4 * 10**4)
    decode_image(path)
    os.truncate(path, 2**40)
    with pytest.raises(ImageError, match="has 1099511627776 bytes, more than 4 for each of the 10000 pixels"):
        decode_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    os.truncate(path, 10**5)
    decode_image(path)


def test_a_ppm_whose_header_is_a_hole(tmp_path: Path) -> None:
    for name, comment in (("a.ppm", b"\0" * 2**17), ("b.ppm", b"# made by hand\n# twice\n")):
        (tmp_path / name).write_bytes(b"P6\n" + (b"# " + comment) + b"2 1 255\n" + bytes(6))
    with pytest.raises(ImageError, match="has no size in its first 65536 bytes"):
        decode_image(tmp_path / "a.ppm")
    assert decode_image(tmp_path / "b.ppm").pixels.shape == (1, 3, 1, 2)


def tagged_tiff(path: Path, *entries: tuple[int, int, int, int], length: int = 0) -> Path:
    """A TIFF of 4x4 pixels with further tags: number, type, count, offset; the file ends in a hole up to a length."""
    plain = [(256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 4), (279, 16)]
    named = {tag for tag, *_ in entries}
    tags = sorted([*((tag, 4, 1, value) for tag, value in plain if tag not in named), *entries])
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", 24) + b"\x7f" * 16 + directory)
    os.truncate(path, max(length, path.stat().st_size))
    return path


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ((339, 1, 2**29 + 1, 4096), "TIFF tag 339 has 536870913 bytes; at most 536870912"),
        ((273, 4, 2**22, 4096), "TIFF tag 273 has 16777216 bytes; .*2097152 numbers"),
    ],
)
def test_a_tag_of_endless_length(entry: tuple[int, int, int, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=message):
        decode_image(tagged_tiff(tmp_path / "a.tif", entry, length=2**30))


@pytest.mark.parametrize("entry", [(700, 1, 2**29 + 1, 4096), (282, 5, 2**22, 4096)])
def test_a_tag_of_endless_length_beside_the_pixels_is_left_out(
    entry: tuple[int, int, int, int], tmp_path: Path
) -> None:
    assert decode_image(tagged_tiff(tmp_path / "a.tif", entry, length=2**30)).pixels.shape == (1, 3, 4, 4)


def test_a_tile_larger_than_any_image(tmp_path: Path) -> None:
    tiles = [(322, 4, 1, 2**15), (323, 4, 1, 2**15), (324, 4, 1, 8), (325, 4, 1, 16)]
    with pytest.raises(ImageError, match=r"more than the [\d,]+ pixels"):
        decode_image(tagged_tiff(tmp_path / "a.tif", *tiles))


def test_pages_that_all_say_the_same_megabytes(tmp_path: Path) -> None:
    xmp, content, directory = 2**21, bytearray(b"II*\0"), 2 + 12 * 10 + 4
    content += struct.pack("<I", 8 + xmp) + bytes(xmp)
    for index in range(50):
        tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]
        entries = [(tag, 4, 1, value) for tag, value in tags] + [(700, 1, xmp, 8)]
        content += struct.pack("<H", 10) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        content += struct.pack("<I", len(content) + 4 if index < 49 else 0)
    assert len(content) - 8 - xmp == 50 * directory
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ImageError, match="the tags of its first 34 pages say more than a TIFF file of its length can"):
        ImagePages(tmp_path / "a.tif")
