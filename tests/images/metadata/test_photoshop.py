from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.metadata_files import (
    IPTC,
    chunks_of,
    jpeg_with,
    photo_16,
    png_with,
    raw_profile,
    segments_of,
    sideways,
    tiff_tags,
)
from tests.pictures import identity, through, with_info
from udsd.images import save_image
from udsd.images.metadata import photoshop


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    pascal = bytes([len(name)]) + name
    pascal += bytes(len(pascal) % 2)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + pascal
        + struct.pack(">I", len(content))
        + content
        + bytes(len(content) % 2)
    )


def test_thumbnails_and_what_stands_elsewhere_are_taken_out() -> None:
    kept = resource(1028, IPTC) + resource(1034, b"\1", b"a name") + resource(2000, b"path")
    gone = resource(1036, b"thumbnail") + resource(1033, b"old") + resource(1039, b"icc") + resource(1058, b"exif")
    assert photoshop.still_true(gone + kept + gone, is_turned=False) == kept
    assert photoshop.still_true(kept, is_turned=True) == kept.removesuffix(resource(2000, b"path"))
    assert photoshop.iptc_of(gone + kept) == IPTC


@pytest.mark.parametrize("cut", range(2, 38))
def test_resources_that_are_cut_off(cut: int) -> None:
    whole = resource(1034, b"\1") + resource(1028, IPTC)
    assert photoshop.still_true(whole[:-cut], is_turned=False) == (b"" if cut > 25 else resource(1034, b"\1"))


def test_iptc_is_replaced_and_taken_from_any_wrapping() -> None:
    assert photoshop.iptc_of(photoshop.with_iptc(resource(1028, b"\x1c\2\5\0\1a"), IPTC)) == IPTC
    assert photoshop.from_profile(resource(1028, IPTC)) == resource(1028, IPTC)
    assert photoshop.iptc_of(photoshop.from_profile(IPTC)) == IPTC
    padded = IPTC.ljust(-(-len(IPTC) // 4) * 4, b"\0")
    swapped = struct.pack(f"<{len(padded) // 4}I", *struct.unpack(f">{len(padded) // 4}I", padded))
    assert photoshop.iptc_of(photoshop.from_profile(swapped)) == padded
    assert photoshop.from_profile(b"rubbish") == b""


def iptc_in(path: Path) -> bytes | None:
    if path.suffix == ".jpg":
        return photoshop.iptc_of(photoshop.from_segments(data for kind, data in segments_of(path) if kind == 0xED))
    if path.suffix == ".png":
        texts = [content for kind, content in chunks_of(path) if kind == b"zTXt" and b"iptc" in content[:30]]
        return IPTC if texts == [raw_profile("iptc", photoshop.with_iptc(b"", IPTC))] else None
    tags = tiff_tags(path)
    assert tags[34377] == photoshop.with_iptc(b"", IPTC)
    return bytes(tags[33723])  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("target", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize(
    "source", ["a.jpg", "a.png", "resources.png", "a.tif", "resources.tif", "deep.png", "deep.tif"]
)
def test_iptc_goes_from_each_format_to_each(source: str, target: str, tmp_path: Path) -> None:
    path, resources = tmp_path / source, photoshop.with_iptc(b"", IPTC)
    if source == "a.jpg":
        jpeg_with(path, (0xED, photoshop.SEGMENT + resources))
    elif source.startswith("deep"):
        photo_16(path, photoshop=resources)
    elif path.suffix == ".png":
        png_with(path, (b"zTXt", raw_profile("iptc", IPTC if source == "a.png" else resources)))
    else:
        tag = (33723, 7, len(IPTC), IPTC, True) if source == "a.tif" else (34377, 1, len(resources), resources, True)
        tifffile.imwrite(path, np.asarray(sideways()), photometric="rgb", metadata=None, extratags=[tag])
    assert iptc_in(through(path, tmp_path / f"b{target}")) == IPTC


def test_resources_that_are_longer_than_a_segment(tmp_path: Path) -> None:
    long = resource(1034, b"\1" * 150_000)
    save_image(with_info(sideways(), photoshop=long), tmp_path / "a.jpg")
    assert identity(tmp_path / "a.jpg").info["photoshop"] == long


def test_resources_of_a_copy_that_pillow_has_read(tmp_path: Path) -> None:
    jpeg_with(tmp_path / "a.jpg", (0xED, photoshop.SEGMENT + photoshop.with_iptc(b"", IPTC)))
    with Image.open(tmp_path / "a.jpg") as image:
        copy = image.copy()
    assert photoshop.iptc_of(identity(copy).info["photoshop"]) == IPTC
