from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.metadata_files import MADE, SIDEWAYS, exif_block, is_upright, photo, photo_16, sideways, tiff_tags
from tests.pictures import MAKER, ORIENTATION, XMP, identity, opened, srgb_profile, through, with_info
from udsd.images import ImagePages, save_image, save_pages
from udsd.images.metadata import TagsOfPages, add_beside, tiff_writing

TEXTS = {
    269: "Ledger",  # document
    270: "a page",
    271: "Canon",
    272: "LiDE 400",
    285: "page seven",
    305: "scanner's own",
    306: "2024:01:02 03:04:05",
    315: "Ana",
    316: "host",
    33432: "nobody",
    65001: "private text",
}
STORED = {  # number: type, elements, value
    330: ("I", 1, 8),
    254: ("I", 1, 1),
    266: ("H", 1, 1),
    301: ("H", 768, tuple(range(768))),
    37724: ("B", 4, b"abcd"),
    65002: ("I", 1, 12345),
    50714: ("H", 1, 7),
}

KINDS = {"grey": np.uint8, "colours": np.uint8, "deep grey": np.uint16, "deep colours": np.uint16}


def described(path: Path, kind: str, **options: object) -> Path:
    """A TIFF with descriptive tags and with others."""
    pixels = np.asarray(sideways().convert("L") if "grey" in kind else sideways()).astype(KINDS[kind])
    texts = [(number, "s", 0, text, True) for number, text in TEXTS.items()]
    numbers = [(297, "H", 2, (6, 9), True)]
    stored = [(number, code, count, value, True) for number, (code, count, value) in STORED.items()]
    tifffile.imwrite(
        path,
        pixels * (257 if pixels.dtype == np.uint16 else 1),
        photometric="minisblack" if "grey" in kind else "rgb",
        metadata=None,
        software=False,
        resolution=(118, 59),
        resolutionunit="CENTIMETER",
        iccprofile=srgb_profile(),
        extratags=[*texts, *numbers, *stored],
        **options,
    )
    return path


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_tags_that_describe_are_kept_and_others_not(kind: str, order: str, big: bool, tmp_path: Path) -> None:
    source = described(tmp_path / "a.tif", kind, byteorder=order, bigtiff=big)
    tags = tiff_tags(through(source, tmp_path / "b.tif"))
    assert {number: tags.get(number) for number in TEXTS} == TEXTS
    assert tags[297] == (6, 9)
    assert (tags[282], tags[283], tags[296]) == ((118, 1), (59, 1), 3)
    assert tags[34675] == srgb_profile()
    assert not (STORED.keys() - {254, 266}) & tags.keys()
    assert tags.get(254, 0) == 0
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), tifffile.imread(source))


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("kind", KINDS)
def test_they_are_exif_elsewhere(kind: str, target: str, tmp_path: Path) -> None:
    with Image.open(through(described(tmp_path / "a.tif", kind), tmp_path / f"b{target}")) as image:
        said = dict(image.getexif())
    assert {number: said.get(number) for number in TEXTS} == TEXTS
    assert not (STORED.keys() | {256, 257, 258, 259, 262, 273, 277, 278, 279}) & said.keys()


@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_pillow_image_of_a_tiff(is_loaded: bool, tmp_path: Path) -> None:
    with Image.open(described(tmp_path / "a.tif", "colours")) as image:
        if is_loaded:
            image.load()
        save_image(identity(image), tmp_path / "b.tif")
    tags = tiff_tags(tmp_path / "b.tif")
    assert {number: tags.get(number) for number in TEXTS} == TEXTS
    assert tags[297] == (6, 9)
    assert tags[34675] == srgb_profile()


def test_directories_of_exif_and_places_are_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[MAKER] = "Leica"
    exif.get_ifd(34665)[37510] = b"a comment"
    exif.get_ifd(34665)[33434] = 0.02
    exif.get_ifd(34853)[1], exif.get_ifd(34853)[2] = "N", (1.0, 2.0, 3.0)
    for mode in ("RGB", "L"):
        save_image(with_info(sideways().convert(mode), exif=exif.tobytes()), tmp_path / "a.tif")
        for name in ("b.tif", "c.jpg", "d.tif"):
            through(tmp_path / ("c.jpg" if name == "d.tif" else "a.tif"), tmp_path / name)
            with Image.open(tmp_path / name) as image:
                said = image.getexif()
                assert said.get_ifd(34665)[37510] == b"a comment"
                assert said.get_ifd(34665)[33434] == 0.02
                assert said.get_ifd(34853) == {1: "N", 2: (1, 2, 3)}
            with Image.open(tmp_path / name) as image:
                image.load()
                save_image(identity(image), tmp_path / "e.tif")
            assert opened(tmp_path / "e.tif").getexif().get_ifd(34853)[1] == "N"


def test_every_page_keeps_its_own(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for index in range(3):
            texts = [
                (269, "s", 0, f"document {index}", True),
                (297, "H", 2, (index, 3), True),
                (700, "B", 3, b"xm%d" % index, True),
            ]
            pixels = np.full((20 + index, 30), 100 + index, np.uint8 if index != 1 else np.uint16)
            writer.write(pixels, metadata=None, extratags=texts, photometric="minisblack", software=False)
    through(tmp_path / "a.tif", tmp_path / "b.tif")
    for index in range(3):
        tags = tiff_tags(tmp_path / "b.tif", index)
        assert (tags[269], tags[297], tags[700]) == (f"document {index}", (index, 3), b"xm%d" % index)
        np.testing.assert_array_equal(
            tifffile.imread(tmp_path / "b.tif", key=index), tifffile.imread(tmp_path / "a.tif", key=index)
        )


def test_a_description_of_the_stored_array_is_not_kept(tmp_path: Path) -> None:
    planes = np.moveaxis(np.asarray(sideways()), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    assert 270 in tiff_tags(tmp_path / "a.tif")
    assert 270 not in tiff_tags(through(tmp_path / "a.tif", tmp_path / "b.tif"))
    assert tifffile.imread(tmp_path / "b.tif").shape == (32, 48, 3)


def test_places_on_earth_stay_unless_the_image_is_turned(tmp_path: Path) -> None:
    scale = (33550, "d", 3, (1.0, 2.0, 0.0), True)
    for turn in (1, 6):
        tags = [scale, (274, "H", 1, turn, True)]
        tifffile.imwrite(tmp_path / "a.tif", np.asarray(sideways()), photometric="rgb", metadata=None, extratags=tags)
        assert (33550 in tiff_tags(through(tmp_path / "a.tif", tmp_path / "b.tif"))) == (turn == 1)


@pytest.mark.parametrize("depth", [8, 16])
def test_an_orientation_is_applied_and_gone(depth: int, tmp_path: Path) -> None:
    pixels = np.asarray(sideways()).astype(np.uint16 if depth == 16 else np.uint8) * (257 if depth == 16 else 1)
    for tags in ([(274, "H", 1, 6, True)], [(700, "B", 21, b'tiff:Orientation="6" ', True)]):
        tifffile.imwrite(
            tmp_path / "a.tif", pixels, photometric="rgb", metadata=None, extratags=tags, resolution=(300, 150)
        )
        with Image.open(through(tmp_path / "a.tif", tmp_path / "b.tif")) as image:
            assert is_upright(image)
            assert image.info["dpi"] == (150, 300)
            assert ORIENTATION not in image.getexif()


@pytest.mark.parametrize("entry", [(272, 2, 100, 999_999), (272, 2, 0xFFFFFFFF, 100), (272, 99, 1, b"abcd")])
def test_broken_tags_are_told_once_and_cost_nothing_else(
    entry: tuple[int, int, int, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = photo(tmp_path / "a.tif", exif_block([MADE, entry, SIDEWAYS]))
    with ImagePages(source) as pages:
        page = pages.read(0)
    save_pages([page.encode(page.pixels)], tmp_path / "b.tif")
    assert tiff_tags(tmp_path / "b.tif")[271] == "Leica"
    assert is_upright(opened(tmp_path / "b.tif"))
    assert len(caplog.records) == (entry[2] != 0xFFFFFFFF)


def test_long_exif_and_xmp_fit(tmp_path: Path) -> None:
    long = XMP + b" " * 3_000_000
    exif = b"Exif\0\0" + exif_block([MADE, (270, 2, 100_000, b"x" * 99_999 + b"\0")])
    for path in (tmp_path / "a.tif", tmp_path / "b.tif"):
        save_image(with_info(sideways(), exif=exif, xmp=long), path) if path.name == "a.tif" else photo_16(
            path, exif=exif, xmp=long
        )
        tags = tiff_tags(through(path, tmp_path / "c.tif"))
        assert tags[700] == long
        assert tags[270] == "x" * 99_999


def test_tags_of_both_byte_orders_go_into_one(tmp_path: Path) -> None:
    fractions = (33434, 5, 1, struct.pack(">II", 1, 50))
    numbers = (297, 3, 2, struct.pack(">HH", 6, 9))
    save_image(
        with_info(sideways(), exif=b"Exif\0\0" + exif_block([MADE, numbers, fractions], order=">")), tmp_path / "a.tif"
    )
    tags = tiff_tags(tmp_path / "a.tif")
    assert (tags[271], tags[297], tags[33434]) == ("Leica", (6, 9), (1, 50))


def test_the_resolution_that_is_asked_for_is_written(tmp_path: Path) -> None:
    """A user may have set another than EXIF says."""
    exif = b"Exif\0\0" + exif_block([(282, 5, 1, struct.pack("<II", 72, 1)), (283, 5, 1, struct.pack("<II", 72, 1))])
    save_image(with_info(sideways(), exif=exif, dpi=(300, 300)), tmp_path / "a.tif")
    assert opened(tmp_path / "a.tif").info["dpi"] == (300, 300)


def test_what_is_kept_of_many_pages_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tiff_writing, "_MOST_TOGETHER", 100)
    pages = [with_info(sideways(), xmp=XMP) for _ in range(3)]
    assert 50 < len(XMP) < 100
    save_pages(pages, tmp_path / "a.tif")
    assert [700 in tiff_tags(tmp_path / "a.tif", index) for index in range(3)] == [True, False, False]
    assert len(caplog.records) == 1
    assert "those of further ones are left out" in caplog.text
    assert [len(info) for info in TagsOfPages().infos] == []


def test_a_tiff_that_is_full_keeps_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sideways().save(tmp_path / "a.tif")
    before = (tmp_path / "a.tif").read_bytes()
    monkeypatch.setattr(tiff_writing, "_MOST_OFFSET", len(before) + 10)
    add_beside(tmp_path / "a.tif", "TIFF", [{"xmp": XMP}], "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == before
    assert "no room for all tags" in caplog.text


def test_pages_that_lead_to_the_same_megabytes(tmp_path: Path) -> None:
    note = b"n" * 2**22
    directory = struct.pack("<H", 1) + struct.pack("<HHII", 37500, 7, len(note), 8 + 18) + bytes(4)
    content = bytearray(b"II*\0" + bytes(4) + directory + note)
    pointer = 4
    for _ in range(40):
        content[pointer : pointer + 4] = struct.pack("<I", len(content))
        tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1), (34665, 8)]
        content += struct.pack("<H", len(tags)) + b"".join(
            struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags
        )
        pointer = len(content)
        content += bytes(4)
    (tmp_path / "a.tif").write_bytes(content)
    noted = 0
    for page in ImagePages(tmp_path / "a.tif"):
        image = page.encode(page.pixels)
        noted += note in image.info.get("exif", b"")  # type: ignore[operator]
    assert noted == (len(content) + 2**26) // len(note)
