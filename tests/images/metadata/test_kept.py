"""The table of docs/images.md, from each format to each; and metadata damaged at random, which costs no picture."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from tests.metadata_files import IPTC, jpeg_with, photo_16, png_with, raw_profile, sideways
from tests.pictures import MAKER, XMP, opened, srgb_profile, through, with_info
from udsd.images import ImagePages, save_image
from udsd.images.metadata import gif, photoshop

TABLE = Path(__file__).parents[3] / "docs" / "images.md"
ENDINGS = {
    "JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WebP": ".webp", "AVIF": ".avif", "HEIC": ".heic", "GIF": ".gif",
    "BMP": ".bmp", "PPM": ".ppm", "JPEG 2000": ".jp2",
}  # fmt: skip
COLOURS = (b"gAMA", struct.pack(">I", 100_000))


def exif() -> bytes:
    made = Image.Exif()
    made[MAKER] = "Leica"
    made.get_ifd(34665)[37510] = b"a comment"
    made.get_ifd(34853)[1] = "N"
    return made.tobytes()


INFO = {
    "exif": exif(),
    "icc_profile": srgb_profile(),
    "xmp": XMP,
    "photoshop": photoshop.with_iptc(b"", IPTC),
    "dpi": (300.0, 150.0),
    "chunks": [(b"tEXt", b"Title\0Ledger"), COLOURS],
    "comment": b"Ledger, page 7",
}


def has_exif(image: Image.Image, path: Path) -> bool:
    said = image.getexif()
    inside = said.get_ifd(34665).get(37510), said.get_ifd(34853).get(1)
    return (said.get(MAKER), *inside) == ("Leica", b"a comment", "N")


def has_xmp(image: Image.Image, path: Path) -> bool:
    if path.suffix == ".gif":
        with path.open("rb") as file:
            return gif.found_xmp(file) == XMP
    return bool(image.info.get("xmp") == XMP)


def has_iptc(image: Image.Image, path: Path) -> bool:
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as tiff:
            tags = tiff.pages[0].tags  # type: ignore[union-attr]
            return 33723 in tags and bytes(tags[33723].value) == IPTC and 34377 in tags
    if isinstance(image, PngImageFile):
        digits = INFO["photoshop"].hex()  # type: ignore[attr-defined]
        return digits in str(image.text.get("Raw profile type iptc", "")).replace("\n", "")
    return bool(image.info.get("photoshop", {}).get(1028) == IPTC)


def has_resolution(image: Image.Image, path: Path) -> bool:
    said = image.getexif()
    dpi = image.info.get("dpi") or (said.get(282, 0), said.get(283, 0))
    return [float(value) for value in dpi] == pytest.approx([300, 150], abs=0.2)


ITEMS: dict[str, Callable[[Image.Image, Path], bool]] = {
    "EXIF, with the directories of camera and place": has_exif,
    "colour profile (ICC)": lambda image, path: image.info.get("icc_profile") == srgb_profile(),
    "XMP": has_xmp,
    "IPTC and Photoshop's resources": has_iptc,
    "resolution": has_resolution,
    "texts": lambda image, path: getattr(image, "text", {}).get("Title") == "Ledger",
    "meaning of colours: gAMA, cHRM, sRGB, cICP, mDCV, cLLI": lambda image, path: image.info.get("gamma") == 1,
    "comment": lambda image, path: image.info.get("comment") == INFO["comment"],
}


def table() -> dict[str, set[str]]:
    """What each format has a place for, as the documentation says."""
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| |") or line.endswith(("| yes |", "| no |"))
    ]
    (_, *formats), *items = rows
    if {row[0] for row in items} != set(ITEMS) or formats != list(ENDINGS):
        raise ValueError("the table is another")
    return {name: {row[0] for row in items if row[1 + place] == "yes"} for place, name in enumerate(formats)}


def said_by(path: Path) -> set[str]:
    image = opened(path)
    return {item for item, has in ITEMS.items() if has(image, path)}


@pytest.mark.parametrize("target", ENDINGS)
@pytest.mark.parametrize("source", [*ENDINGS, "PNG of 16 bits", "TIFF of 16 bits"])
def test_what_both_formats_have_a_place_for_is_kept(source: str, target: str, tmp_path: Path) -> None:
    held = table()
    plain = source.removesuffix(" of 16 bits")
    if "HEIC" in (plain, target):
        pytest.importorskip("pillow_heif")
    given, result = tmp_path / f"a{ENDINGS[plain]}", tmp_path / f"b{ENDINGS[target]}"
    if plain == source:
        save_image(with_info(sideways(), **INFO), given)
    else:
        photo_16(given, **INFO)
    assert said_by(given) == held[plain]
    assert said_by(through(given, result)) == held[plain] & held[target]


def test_what_has_no_place_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = {"exif": "EXIF", "icc_profile": "colour profile", "xmp": "XMP", "photoshop": "IPTC", "chunks": "text"}
    for name, ending in ENDINGS.items():
        caplog.clear()
        info = {key: value for key, value in INFO.items() if key != "icc_profile" or name != "BMP"}
        save_image(with_info(sideways(), **info), tmp_path / f"a{ending}")
        told = {key for key, said in names.items() if said in caplog.text}
        kept = said_by(tmp_path / f"a{ending}")
        lost = {key for (key, _), item in zip(names.items(), [*[*ITEMS][:4], "texts"], strict=True) if item not in kept}
        assert told == lost & info.keys(), name


def damaged(sound: bytes, rng: np.random.Generator) -> bytes:
    content = bytearray(sound)
    for at in rng.integers(0, len(content), rng.integers(1, 12)):
        content[at] = rng.integers(256)
    return bytes(content[: rng.integers(len(content) // 2, len(content) + 1)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF"])
def test_metadata_damaged_at_random_costs_no_picture(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    resources = photoshop.with_iptc(b"", IPTC)
    for _ in range(int(os.environ.get("UDSD_FUZZ", "50").split(",")[0])):
        block, packet, records = (damaged(sound, rng) for sound in (exif()[6:], XMP, resources))
        if kind == "JPEG":
            segments = [(0xE1, b"Exif\0\0" + block), (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)]
            source = jpeg_with(
                tmp_path / "a.jpg", *segments, (0xED, b"Photoshop 3.0\0" + records), (0xE2, damaged(block, rng))
            )
        elif kind == "PNG":
            texts = [(b"zTXt", damaged(raw_profile("iptc", records), rng)), (b"tEXt", damaged(packet, rng))]
            texts += [(b"iTXt", damaged(b"XML:com.adobe.xmp\0\0\0\0\0" + packet, rng)), (b"eXIf", block)]
            source = png_with(tmp_path / "a.png", *texts, (b"iCCP", damaged(b"a\0\0" + zlib.compress(block), rng)))
        elif kind == "WebP":
            source = tmp_path / "a.webp"
            sideways().save(source, exif=block, xmp=packet)
        else:
            source = tmp_path / "a.tif"
            tags = [
                (number, "B", len(data), data, True)
                for number, data in ((700, packet), (33723, records), (34377, records))
            ]
            pointer = [(34665, "I", 1, int(rng.integers(2**13)), True), (34853, "I", 1, int(rng.integers(2**32)), True)]
            text = block[:20] + b"\0"
            tags += [*pointer, (270, "s", 0, text, True), (282, "B", 8, bytes(8), True), (296, "H", 1, 99, True)]
            tifffile.imwrite(source, np.asarray(sideways()), photometric="rgb", metadata=None, extratags=tags)
        with ImagePages(source) as pages:
            page = pages.read(0)
        for ending in (".jpg", ".png", ".tif", ".webp"):
            save_image(page.encode(page.pixels), tmp_path / f"b{ending}")
            assert sorted(opened(tmp_path / f"b{ending}").size) == [32, 48]
