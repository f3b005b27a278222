from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, JpegImagePlugin

from tests.metadata_files import MADE, exif_block, jpeg_with, segments_of, sideways
from tests.pictures import MAKER, colourful, identity, through, with_info
from udsd.images import save_image
from udsd.images.metadata import jpeg


def renumbered(content: bytes, numbers: dict[int, int], *, wide: bool = False) -> bytes:
    """A JPEG whose quantisation tables bear other numbers, perhaps with 16 bits an element."""
    made, at = bytearray(content[:2]), 2
    while content[at + 1] != 0xDA:
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        data = bytearray(content[at + 4 : at + 2 + length])
        if kind == 0xDB:
            tables = [data[start : start + 65] for start in range(0, len(data), 65)]
            data = bytearray()
            for table in tables:
                data.append(numbers.get(table[0], table[0]) | (0x10 if wide else 0))
                data += b"".join(value.to_bytes(2) for value in table[1:]) if wide else table[1:]
        if kind == 0xC0:
            for component in range(data[5]):
                place = 8 + 3 * component
                data[place] = numbers.get(data[place], data[place])
            kind = 0xC1 if wide else kind
        made += bytes([0xFF, kind]) + (len(data) + 2).to_bytes(2) + data
        at += 2 + length
    return bytes(made) + content[at:]


def tables(path: Path) -> list[list[int]]:
    """The table of each component."""
    with Image.open(path) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        return [list(image.quantization[component[3]]) for component in image.layer]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("mode", "numbers"),
    [
        ("RGB", {0: 2, 1: 3}),
        ("RGB", {0: 3, 1: 0}),
        ("RGB", {0: 1, 1: 0}),
        ("RGB", {0: 1}),
        ("L", {0: 1}),
        ("L", {0: 3}),
    ],
)
def test_tables_of_any_number_are_kept(mode: str, numbers: dict[int, int], wide: bool, tmp_path: Path) -> None:
    file = io.BytesIO()
    colourful().convert(mode).save(file, "JPEG", quality=70)
    (tmp_path / "a.jpg").write_bytes(renumbered(file.getvalue(), numbers, wide=wide))
    assert tables(through(tmp_path / "a.jpg", tmp_path / "b.jpg")) == tables(tmp_path / "a.jpg")


def test_tables_of_numbers_above_255(tmp_path: Path) -> None:
    """As some cameras and encoders write them for the coarsest quality."""
    colourful().save(tmp_path / "a.jpg", qtables=[[300] * 64, [400] * 64], subsampling=0)
    assert tables(through(tmp_path / "a.jpg", tmp_path / "b.jpg")) == [[300] * 64, [400] * 64, [400] * 64]


def test_three_tables_become_two(tmp_path: Path) -> None:
    """Pillow writes both colours with one table."""
    file = io.BytesIO()
    colourful().save(file, "JPEG", quality=70)
    content = bytearray(file.getvalue())
    at = content.find(b"\xff\xdb")
    second = content.find(b"\xff\xdb", at + 2)
    third = bytearray(content[second : second + 69])
    third[4], third[5] = 2, 77
    frame = content.find(b"\xff\xc0")
    content[frame + 10 + 3 * 2 + 2] = 2
    (tmp_path / "a.jpg").write_bytes(content[:frame] + third + content[frame:])
    given = tables(tmp_path / "a.jpg")
    assert given[1] != given[2]
    assert tables(through(tmp_path / "a.jpg", tmp_path / "b.jpg")) == [given[0], given[1], given[1]]


def test_what_is_too_long_for_a_jpeg_does_not_keep_it_from_being_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    block = b"Exif\0\0" + exif_block([MADE, (270, 2, 100_000, b"x" * 100_000)])
    image = with_info(sideways(), exif=block, icc_profile=bytes(17_000_000), comment=b"c" * 70_000)
    save_image(image, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as written:
        assert dict(written.getexif()) == {MAKER: "Leica"}
        assert "icc_profile" not in written.info
        assert "comment" not in written.info
    for said in ("left out are ImageDescription", "no colour profile of 17000000 bytes", "no comment of 70000 bytes"):
        assert f"a.jpg: {said}" in caplog.text or said in caplog.text


def test_exif_in_several_segments_is_one(tmp_path: Path) -> None:
    block = exif_block([MADE, (270, 2, 100_000, b"x" * 100_000)])
    jpeg_with(tmp_path / "a.jpg", (0xE1, b"Exif\0\0" + block[:60_000]), (0xE1, b"Exif\0\0" + block[60_000:]))
    with Image.open(through(tmp_path / "a.jpg", tmp_path / "b.png")) as image:
        assert image.getexif()[270] == "x" * 100_000
        assert image.getexif()[MAKER] == "Leica"


def test_a_comment_is_carried(tmp_path: Path) -> None:
    for first, second in ((".jpg", ".jpg"), (".jpg", ".gif"), (".gif", ".gif"), (".gif", ".jpg")):
        sideways().save(tmp_path / f"a{first}", comment=b"Ledger, page 7")
        with Image.open(through(tmp_path / f"a{first}", tmp_path / f"b{second}")) as image:
            assert image.info["comment"] == b"Ledger, page 7"


def test_resolution_that_stands_in_exif_alone(tmp_path: Path) -> None:
    fractions = [(282, 5, 1, (300).to_bytes(4, "little") + b"\1\0\0\0"), (283, 5, 1, b"\x96\0\0\0\1\0\0\0")]
    jpeg_with(tmp_path / "a.jpg", (0xE1, b"Exif\0\0" + exif_block([*fractions, (296, 3, 1, 2)])))
    assert identity(tmp_path / "a.jpg").info["dpi"] == (300, 150)


@pytest.mark.parametrize("cut", [3, 4, 20, 23, 60])
def test_a_jpeg_without_an_end_to_its_segments(cut: int) -> None:
    content = b"\xff\xd8\xff\xe1\x00\x30Exif\0\0" + exif_block([MADE])
    file = io.BytesIO(content[:cut])
    block, shown = jpeg.split_exif(file)
    assert block is None or cut > 50
    assert shown is file or cut > 50


def test_other_segments_stay_where_pillow_sees_them(tmp_path: Path) -> None:
    jpeg_with(tmp_path / "a.jpg", (0xE5, b"own"), (0xE1, b"Exif\0\0" + exif_block([MADE])), (0xE1, b"no EXIF"))
    with (tmp_path / "a.jpg").open("rb") as file:
        block, shown = jpeg.split_exif(file)
        assert block == b"Exif\0\0" + exif_block([MADE])
        (tmp_path / "b.jpg").write_bytes(shown.read())
    kinds = [kind for kind, data in segments_of(tmp_path / "b.jpg") if data in (b"own", b"no EXIF")]
    assert kinds == [0xE5, 0xE1]
    assert len(segments_of(tmp_path / "a.jpg")) == len(segments_of(tmp_path / "b.jpg")) + 1
