from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.metadata_files import (
    MADE,
    SIDEWAYS,
    chunk,
    chunks_of,
    exif_block,
    is_upright,
    photo_16,
    png_with,
    raw_profile,
    sideways,
)
from tests.pictures import MAKER, XMP, identity, opened, srgb_profile, through
from udsd.images import save_pages
from udsd.images.metadata import png

HDR = (b"cICP", bytes([9, 16, 0, 1]))
COLOURS = [
    (b"gAMA", struct.pack(">I", 100_000)),
    (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
    HDR,
    (b"mDCV", bytes(24)),
    (b"cLLI", bytes(8)),
]
DROPPED = [(b"sBIT", b"\5\6\5"), (b"bKGD", bytes(6)), (b"tIME", bytes(7)), (b"spAL", b"private")]


def carried_by(path: Path) -> list[tuple[bytes, bytes]]:
    pixels = (b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT")
    return [one for one in chunks_of(path) if one[0] not in pixels]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_meanings_of_colours_are_kept(mode: str, tmp_path: Path) -> None:
    given = [*COLOURS, (b"sRGB", b"\0")]
    source = png_with(tmp_path / "a.png", *given, *DROPPED[3:], image=sideways().convert(mode))
    assert carried_by(through(source, tmp_path / "b.png")) == given


def test_what_is_not_true_of_other_pixels_is_not_kept(tmp_path: Path) -> None:
    assert carried_by(through(png_with(tmp_path / "a.png", *DROPPED), tmp_path / "b.png")) == []


def test_sixteen_bits_keep_the_same(tmp_path: Path) -> None:
    source = photo_16(tmp_path / "a.png", chunks=COLOURS, xmp=XMP, icc_profile=srgb_profile())
    found = dict(carried_by(through(source, tmp_path / "b.png")))
    assert {kind: found[kind] for kind, _ in COLOURS} == dict(COLOURS)
    assert {b"iTXt", b"iCCP"} < found.keys()


def test_a_pillow_image_keeps_what_pillow_knows(tmp_path: Path) -> None:
    text = (b"tEXt", b"Title\0Ledger")
    with Image.open(png_with(tmp_path / "a.png", *COLOURS[:2], text)) as image:
        save_pages([identity(image)], tmp_path / "b.png")
    assert carried_by(tmp_path / "b.png") == [*COLOURS[:2], text]


def test_a_profile_stands_for_srgb(tmp_path: Path) -> None:
    profile = (b"iCCP", b"a name\0\0" + zlib.compress(srgb_profile()))
    kinds = [kind for kind, _ in carried_by(through(png_with(tmp_path / "a.png", profile), tmp_path / "b.png"))]
    assert kinds == [b"iCCP"]


@pytest.mark.parametrize(
    "given",
    [
        (b"tEXt", b"Title\0Ledger"),
        (b"zTXt", b"Title\0\0" + zlib.compress(b"Ledger" * 100)),
        (b"iTXt", b"Title\0\0\0es\0T\xc3\xadtulo\0Se\xc3\xb1ora"),
        (b"iTXt", b"Title\0\1\0es\0T\xc3\xadtulo\0" + zlib.compress("Señora".encode() * 100)),
    ],
)
def test_texts_are_carried_as_they_are(given: tuple[bytes, bytes], tmp_path: Path) -> None:
    assert carried_by(through(png_with(tmp_path / "a.png", given), tmp_path / "b.png")) == [given]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "tEXt"])
def test_a_long_text_is_carried_so_that_pillow_can_read_it(kind: str, after: bool, tmp_path: Path) -> None:
    long = b"z" * 3_000_000
    content = {
        "tEXt": b"workflow\0" + long,
        "zTXt": b"workflow\0\0" + zlib.compress(long),
        "iTXt": b"workflow\0\1\0en\0w\0" + zlib.compress(long),
    }[kind]
    source = png_with(tmp_path / "a.png", *([] if after else [(kind.encode(), content)]))
    if after:
        whole = source.read_bytes()
        source.write_bytes(whole[:-12] + chunk(kind.encode(), content) + whole[-12:])
    image = opened(through(source, tmp_path / "b.png"))
    assert image.text["workflow"] == long.decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [b"a\0\0" + zlib.compress(bytes(9_000_000)), b"a\0\0rubbish", b"a\0\0", b"a"])
def test_a_text_that_is_damaged_or_endless_is_left_out(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = png_with(tmp_path / "a.png", (b"zTXt", content), (b"tEXt", b"b\0c"))
    assert carried_by(through(source, tmp_path / "b.png")) == [(b"tEXt", b"b\0c")]
    assert "its text 'a' is damaged or too long" in caplog.text


def test_many_texts_are_not_expanded_without_bound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = (b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000)))
    kept = carried_by(through(png_with(tmp_path / "a.png", *[text] * 60), tmp_path / "b.png"))
    assert kept == [text] * (2**25 // 900_000)
    assert "too long" in caplog.text


def test_a_wrong_checksum_beside_the_pixels_costs_the_chunk_alone(tmp_path: Path) -> None:
    source = png_with(tmp_path / "a.png", (b"tEXt", b"a\0b"), (b"tEXt", b"c\0d"), HDR)
    source.write_bytes(source.read_bytes().replace(b"tEXta\0b", b"tEXta\0B"))
    assert carried_by(through(source, tmp_path / "b.png")) == [HDR, (b"tEXt", b"c\0d")]


def test_a_profile_longer_than_pillow_reads(tmp_path: Path) -> None:
    profile = np.random.default_rng(0).integers(0, 256, 2_000_000).astype(np.uint8).tobytes()
    source = png_with(tmp_path / "a.png", (b"iCCP", b"a\0\0" + zlib.compress(profile)))
    assert identity(source).info["icc_profile"] == profile


@pytest.mark.parametrize("content", [b"", b"a", b"a\0\0", b"a\0\0rubbish"])
def test_a_broken_profile(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "icc_profile" not in identity(png_with(tmp_path / "a.png", (b"iCCP", content))).info
    assert "its colour profile is damaged" in caplog.text


@pytest.mark.parametrize("kind", ["exif", "APP1"])
@pytest.mark.parametrize("compressed", [False, True])
def test_exif_in_text(kind: str, compressed: bool, tmp_path: Path) -> None:
    text = raw_profile(kind, b"Exif\0\0" + exif_block([MADE, SIDEWAYS]))
    keyword, _, content = text.partition(b"\0")
    plain = keyword + b"\0" + zlib.decompress(content[1:])
    source = png_with(tmp_path / "a.png", (b"zTXt", text) if compressed else (b"tEXt", plain))
    target = through(source, tmp_path / "b.png")
    assert [kind for kind, _ in carried_by(target)] == [b"eXIf"], "it would be said twice, once of the turned image"
    with Image.open(target) as image:
        assert is_upright(image)
        assert image.getexif()[MAKER] == "Leica"


def test_exif_in_text_where_the_chunk_is_broken(tmp_path: Path) -> None:
    text = (b"zTXt", raw_profile("exif", b"Exif\0\0" + exif_block([MADE])))
    assert identity(png_with(tmp_path / "a.png", (b"eXIf", b"rubbish"), text)).getexif()[MAKER] == "Leica"


def test_other_profiles_in_text(tmp_path: Path) -> None:
    texts = [(b"zTXt", raw_profile("xmp", XMP)), (b"zTXt", raw_profile("icc", srgb_profile()))]
    info = identity(png_with(tmp_path / "a.png", *texts, (b"zTXt", raw_profile("iptc", b"")))).info
    assert info == {"xmp": XMP, "icc_profile": srgb_profile()}


@pytest.mark.parametrize("text", [b"\nexif\n 4\nzz", b"", b"\n", b"\nexif\n 1\n0"])
def test_a_broken_profile_in_text(text: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert identity(png_with(tmp_path / "a.png", (b"tEXt", b"Raw profile type exif\0" + text))).info == {}
    assert "the exif profile in its text is broken" in caplog.text


def test_an_animation_keeps_them_too(tmp_path: Path) -> None:
    frames = [sideways(), sideways().transpose(Image.Transpose.ROTATE_180)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=[100, 200])
    content = (tmp_path / "a.png").read_bytes()
    made = b"".join(chunk(*one) for one in [*COLOURS, (b"eXIf", exif_block([SIDEWAYS]))])
    (tmp_path / "a.png").write_bytes(content[:33] + made + content[33:])
    target = through(tmp_path / "a.png", tmp_path / "b.png")
    assert carried_by(target) == COLOURS
    with Image.open(target) as image:
        assert (image.n_frames, is_upright(image)) == (2, True)  # type: ignore[attr-defined]
        image.seek(1)
        assert is_upright(image.transpose(Image.Transpose.ROTATE_180))


def test_other_formats_are_told_what_they_cannot_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = png_with(tmp_path / "a.png", HDR, (b"tEXt", b"a\0b"))
    through(source, tmp_path / "b.webp")
    assert "WEBP has no place for text, cICP" in caplog.text
    caplog.clear()
    usual = [(b"gAMA", struct.pack(">I", 45455)), (b"cICP", bytes([1, 13, 0, 1]))]
    usual.append((b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)))
    through(png_with(tmp_path / "c.png", *usual), tmp_path / "d.jpg")
    through(png_with(tmp_path / "e.png", COLOURS[0], (b"sRGB", b"\0")), tmp_path / "f.jpg")
    assert caplog.records == []


def test_resolution(tmp_path: Path) -> None:
    physical = (b"pHYs", struct.pack(">IIB", 11811, 5906, 1))
    assert identity(png_with(tmp_path / "a.png", physical)).info["dpi"] == pytest.approx((300, 150), abs=0.1)
    for content in (struct.pack(">IIB", 2, 1, 0), b"", bytes(9)):
        assert identity(png_with(tmp_path / "b.png", (b"pHYs", content))).info == {}


def test_the_file_that_pillow_is_shown(tmp_path: Path) -> None:
    plain, given = png_with(tmp_path / "a.png"), png_with(tmp_path / "b.png", HDR, *DROPPED)
    with given.open("rb") as file:
        chunks, shown = png.split_chunks(file)
        assert chunks == [HDR]
        assert shown.read() == plain.read_bytes()
        assert shown.seek(-12, 2) == len(plain.read_bytes()) - 12
        assert shown.read() == plain.read_bytes()[-12:]
        shown.seek(5)
        assert shown.read(40) == plain.read_bytes()[5:45]


def test_a_profile_of_grey_in_a_png_of_grey(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    source = png_with(tmp_path / "a.png", (b"iCCP", b"a\0\0" + zlib.compress(profile)), image=sideways().convert("L"))
    assert opened(through(source, tmp_path / "b.png")).info["icc_profile"] == profile


def test_a_long_text_behind_the_pixels_of_an_image_that_pillow_has_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = png_with(tmp_path / "a.png").read_bytes()
    text = chunk(b"zTXt", b"w\0\0" + zlib.compress(b"z" * 3_000_000))
    (tmp_path / "a.png").write_bytes(content[:-12] + text + content[-12:])
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(identity(image)), np.asarray(sideways()))
    assert "its texts cannot be read" in caplog.text


def test_of_several_profiles_the_first_is_read(tmp_path: Path) -> None:
    profiles = [(b"iCCP", b"a\0\0" + zlib.compress(content)) for content in (srgb_profile(), bytes(2**25))]
    assert identity(png_with(tmp_path / "a.png", profiles[0], *profiles[1:] * 1000)).info == {
        "icc_profile": srgb_profile()
    }
