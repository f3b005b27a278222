from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.metadata_files import MADE, SIDEWAYS, Entry, exif_block, is_upright, jpeg_with, photo, sideways
from tests.pictures import MAKER, ORIENTATION, identity, through
from udsd.images import decode_image, save_image
from udsd.images.metadata import exif

CONTAINERS = [".jpg", ".png", ".text.png", ".webp", ".tif"]

BROKEN: dict[str, list[Entry]] = {
    "negative fraction with nothing below": [(282, 10, 1, struct.pack("<ii", -1, 0))],
    "fraction that is a whole number": [(282, 3, 1, 72)],
    "value behind the end": [(272, 2, 100, 999_999)],
    "value of 4 GB": [(272, 2, 0xFFFFFFFF, 100)],
    "unknown type": [(272, 99, 1, b"abcd")],
    "type 0": [(272, 0, 1, b"abcd")],
    "no elements": [(272, 2, 0, b"")],
    "not a number": [(50000, 12, 1, struct.pack("<d", float("nan")))],
    "no text in any encoding": [(272, 2, 4, b"\xff\xfe\x80\0")],
    "directory of EXIF behind the end": [(34665, 4, 1, 999_999)],
    "directory of EXIF is text": [(34665, 2, 4, b"abc\0")],
    "directory of EXIF is the first": [(34665, 4, 1, 8)],
    "directory of EXIF is nowhere": [(34665, 4, 1, 0)],
    "directory of places behind the end": [(34853, 4, 1, 5000)],
    "orientation twice": [SIDEWAYS],
}


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("kind", BROKEN)
def test_one_bad_tag_costs_neither_the_orientation_nor_the_others(kind: str, ending: str, tmp_path: Path) -> None:
    source = photo(tmp_path / f"a{ending}", exif_block([MADE, SIDEWAYS, *BROKEN[kind]]))
    with Image.open(through(source, tmp_path / f"b{source.suffix}")) as image:
        assert is_upright(image)
        assert ORIENTATION not in image.getexif()
        assert image.getexif()[MAKER] == "Leica"


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_pillow_image_with_a_bad_tag(ending: str, is_loaded: bool, tmp_path: Path) -> None:
    block = exif_block([MADE, SIDEWAYS, *BROKEN["negative fraction with nothing below"]])
    with Image.open(photo(tmp_path / f"a{ending}", block)) as given:
        if is_loaded:
            given.load()
        save_image(identity(given), tmp_path / f"b{ending}")
    with Image.open(tmp_path / f"b{ending}") as image:
        assert is_upright(image)
        assert image.getexif()[MAKER] == "Leica"
        assert ORIENTATION not in image.getexif()


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("kind", [1, 4, 8, 9])
def test_an_orientation_of_an_unusual_type(kind: int, ending: str, tmp_path: Path) -> None:
    block = exif_block([MADE, (ORIENTATION, kind, 1, struct.pack({1: "<B", 4: "<I", 8: "<h", 9: "<i"}[kind], 6))])
    assert is_upright(identity(photo(tmp_path / f"a{ending}", block)))


@pytest.mark.parametrize("value", [0, 9, 300])
def test_an_orientation_that_is_none(value: int, tmp_path: Path) -> None:
    source = jpeg_with(tmp_path / "a.jpg", (0xE1, b"Exif\0\0" + exif_block([MADE, (ORIENTATION, 3, 1, value)])))
    result = identity(source)
    assert result.size == sideways().size
    assert ORIENTATION not in result.getexif()


def test_both_byte_orders(tmp_path: Path) -> None:
    for ending in CONTAINERS:
        source = photo(tmp_path / f"a{ending}", exif_block([MADE, SIDEWAYS], order=">"))
        with Image.open(through(source, tmp_path / f"b{source.suffix}")) as image:
            assert is_upright(image)
            assert image.getexif()[MAKER] == "Leica"


def test_a_directory_that_is_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    block = exif_block([(MAKER, 2, 4, b"Box\0"), SIDEWAYS])
    block = block[:8] + struct.pack("<H", 30) + block[10:-4]
    result = identity(jpeg_with(tmp_path / "a.jpg", (0xE1, b"Exif\0\0" + block)))
    assert is_upright(result)
    assert result.getexif()[MAKER] == "Box"


def test_broken_tags_are_told_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    identity(photo(tmp_path / "a.jpg", exif_block([MADE, (272, 2, 100, 999_999)])))
    assert "broken EXIF tags are left out: Model" in caplog.text


def with_thumbnail(*, in_the_middle: bool) -> tuple[bytes, bytes]:
    """A block of EXIF with a thumbnail, at its end or before the maker's name; and the thumbnail."""
    file = io.BytesIO()
    Image.new("RGB", (16, 12), (7, 77, 177)).save(file, "JPEG")
    thumbnail = file.getvalue()
    second = (
        struct.pack("<H", 2) + struct.pack("<HHII", 513, 4, 1, 80) + struct.pack("<HHII", 514, 4, 1, len(thumbnail))
    )
    first = struct.pack("<HHII", MAKER, 2, 6, 80 + len(thumbnail) if in_the_middle else 72)
    head = b"II*\0" + struct.pack("<IH", 8, 1) + first + struct.pack("<I", 26) + second
    block = head.ljust(72, b"\0") + b"Leica\0\0\0"[: 8 if not in_the_middle else 0].ljust(8, b"\0") + thumbnail
    return (block + b"Leica\0" if in_the_middle else block), thumbnail


@pytest.mark.parametrize("ending", [".jpg", ".png", ".text.png", ".webp"])
@pytest.mark.parametrize("in_the_middle", [False, True])
def test_the_thumbnail_is_gone(in_the_middle: bool, ending: str, tmp_path: Path) -> None:
    block, thumbnail = with_thumbnail(in_the_middle=in_the_middle)
    source = photo(tmp_path / f"a{ending}", block)
    target = through(source, tmp_path / f"b{source.suffix}")
    assert thumbnail[20:] not in target.read_bytes()
    with Image.open(target) as image:
        assert image.getexif()[MAKER] == "Leica"
        assert not image.getexif().get_ifd(1)


def test_what_lies_where_a_thumbnail_is_said_to_be_stays(tmp_path: Path) -> None:
    """The maker's name is said to be the thumbnail."""
    block = exif_block([MADE], following=32)
    block += struct.pack("<H", 2) + struct.pack("<HHII", 513, 4, 1, 26) + struct.pack("<HHII", 514, 4, 1, 6)
    assert identity(photo(tmp_path / "a.jpg", block)).getexif()[MAKER] == "Leica"


def test_nothing_moves_so_that_makers_notes_stay_true(tmp_path: Path) -> None:
    note = b"places count from the beginning"
    block = exif_block([MADE, SIDEWAYS, (37500, 7, len(note), note)])
    result = identity(photo(tmp_path / "a.jpg", block)).info["exif"].removeprefix(exif.HEADER)
    assert result.find(note) == block.find(note)
    assert len(result) == len(block)


def test_sizes_and_resolutions_are_those_of_the_upright_image(tmp_path: Path) -> None:
    fractions = [(282, 5, 1, struct.pack("<II", 300, 1)), (283, 5, 1, struct.pack("<II", 150, 1))]
    block = exif_block([(256, 3, 1, 48), (257, 4, 1, 32), SIDEWAYS, *fractions, (37396, 3, 2, b"\1\0\2\0")])
    said = identity(photo(tmp_path / "a.jpg", block)).getexif()
    assert dict(said) == {256: 32, 257: 48, 282: 150, 283: 300}


def test_exif_that_is_too_long_loses_its_longest_tags() -> None:
    block = exif.HEADER + exif_block([MADE, (270, 2, 50_000, b"x" * 50_000), (272, 2, 40_000, b"y" * 40_000)])
    shorter, dropped = exif.shortened(block, 65_533)
    assert dropped == ["ImageDescription"]
    assert shorter is not None
    assert len(shorter) <= 65_533
    read = Image.Exif()
    read.load(shorter)
    assert (read[MAKER], read[272]) == ("Leica", "y" * 40_000)
    assert exif.shortened(block, 100_000) == (block, [])
    assert exif.shortened(exif.HEADER + exif_block([(270, 2, 70_000, b"x" * 70_000)]), 65_533)[0] is None


def test_shorter_exif_keeps_the_directories_below() -> None:
    given = Image.Exif()
    given[270] = "x" * 70_000
    given.get_ifd(34665)[37510] = b"a comment"
    given.get_ifd(34853)[1] = "N"
    given.get_ifd(34665)[40965] = {1: "R98"}
    shorter, _ = exif.shortened(given.tobytes(), 65_533)
    assert shorter is not None
    read = Image.Exif()
    read.load(shorter)
    assert read.get_ifd(34665)[37510] == b"a comment"
    assert read.get_ifd(34853)[1] == "N"
    assert read.get_ifd(40965)[1] == "R98"


@pytest.mark.parametrize("block", [None, exif.HEADER + exif_block([MADE])])
def test_resolution_for_formats_that_have_no_other(block: bytes | None) -> None:
    read = Image.Exif()
    said = exif.with_resolution(block, (300, 150.5))
    read.load(said)
    assert (float(read[282]), float(read[283]), read[296]) == (300, 150.5, 2)
    assert read.get(MAKER) == (None if block is None else "Leica")
    assert exif.resolution(said) == (300, 150.5)
    assert exif.with_resolution(said, (72, 72)) == said


def test_random_bytes_are_read_without_an_error() -> None:
    rng = np.random.default_rng(0)
    sound, _ = with_thumbnail(in_the_middle=True)
    for _ in range(2000):
        block = bytearray(sound)
        for at in rng.integers(4, len(block), rng.integers(1, 12)):
            block[at] = rng.integers(256)
        cut = bytes(block[: rng.integers(4, len(block))])
        result, _ = exif.still_true(cut, size=(3, 4), orientation=6, is_converted=True)
        assert result is None or exif.read_directories(result)
        assert len(exif.shortened(exif.HEADER + cut, 40)[0] or b"") <= 40


def test_a_sound_photo_is_not_spoken_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = Image.Exif()
    given[MAKER] = "Leica"
    given.get_ifd(34665)[37510] = b"a comment"
    sideways().save(tmp_path / "a.jpg", exif=given)
    decode_image(tmp_path / "a.jpg")
    assert caplog.records == []


def test_tags_that_share_their_bytes_have_no_more_of_them_than_there_are() -> None:
    entries = b"".join(struct.pack("<HHII", number, 2, 40_000, 8) for number in range(1000, 5000))
    block = exif.HEADER + b"II*\0" + struct.pack("<IH", 8, 4000) + entries + bytes(4)
    read = exif.read_directories(block)
    assert sum(len(tag.content) for tag in read.main.values()) <= len(block)
    assert read.main.keys() == {1000}
