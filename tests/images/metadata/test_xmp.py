from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.metadata_files import is_upright, jpeg_with, segments_of, sideways
from tests.pictures import XMP, identity, through, with_info
from udsd.images import save_image
from udsd.images.metadata import xmp

HEAD = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="%s"%s'
)
TAIL = b"</rdf:RDF></x:xmpmeta>"


def packet(text: bytes, inside: bytes = b"/>") -> bytes:
    return HEAD % (text, inside) + TAIL


@pytest.mark.parametrize(
    "said",
    [
        b' tiff:Orientation="6"/>',
        b" tiff:Orientation='6'/>",
        b"><tiff:Orientation>6</tiff:Orientation></rdf:Description>",
    ],
)
@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
def test_an_orientation_that_stands_in_xmp_alone(said: bytes, ending: str, tmp_path: Path) -> None:
    given = packet(b"page", said)
    save_image(with_info(sideways(), xmp=given), tmp_path / f"a{ending}")
    result = identity(tmp_path / f"a{ending}")
    assert is_upright(result)
    assert b"Orientation" not in result.info["xmp"]
    assert b'dc:format="page"' in result.info["xmp"]


def test_thumbnails_are_taken_out() -> None:
    old = b"<xmp:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></xmp:Thumbnails>"
    assert xmp.still_true(packet(b"page", b">" + old + old + b"</rdf:Description>")) == packet(
        b"page", b"></rdf:Description>"
    )
    assert xmp.still_true(b"<xmp:Thumbnails>without an end") == b"<xmp:Thumbnails>without an end"


def test_megabytes_of_beginnings_without_an_end() -> None:
    for piece in (
        b"<xmp:Thumbnails>",
        b" ",
        b"tiff:Orientation",
        b"tiff:Orientation=",
        b"<tiff:Orientation>",
        b"<rdf:RDF ",
    ):
        rubbish = piece * (2**22 // len(piece))
        assert xmp.orientation(rubbish) is None
        assert len(xmp.still_true(rubbish)) == len(rubbish)
        assert xmp.from_segments([xmp.SEGMENT + rubbish])[0] == rubbish


def test_long_xmp_in_a_jpeg_has_an_extension_that_is_read_again(tmp_path: Path) -> None:
    long = packet(b"x" * 200_000)
    save_image(with_info(sideways(), xmp=long), tmp_path / "a.jpg")
    kinds = [data for kind, data in segments_of(tmp_path / "a.jpg") if kind == 0xE1]
    assert sum(data.startswith(xmp.SEGMENT) for data in kinds) == 1
    assert sum(data.startswith(xmp.EXTENSION) for data in kinds) == 4
    with Image.open(through(tmp_path / "a.jpg", tmp_path / "b.png")) as image:
        assert b'dc:format="' + b"x" * 200_000 + b'"' in image.info["xmp"]
        assert b"HasExtendedXMP" not in image.info["xmp"]


def test_an_extension_that_is_not_whole_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, *others = xmp.segments(packet(b"x" * 200_000))
    jpeg_with(tmp_path / "a.jpg", (0xE1, first), *((0xE1, segment) for segment in others[:-1]))
    result = identity(tmp_path / "a.jpg")
    assert b"HasExtendedXMP" not in result.info["xmp"]
    assert "the second part of its XMP cannot be used" in caplog.text


def test_an_extension_with_names_of_its_own_is_not_put_beside_others() -> None:
    first, *others = xmp.segments(packet(b"x" * 70_000).replace(b"<rdf:RDF ", b'<rdf:RDF xmlns:a="b" '))
    assert xmp.from_segments([first, *others])[1] is False
    assert xmp.from_segments([xmp.SEGMENT + XMP]) == (XMP, True)
    assert xmp.from_segments(others) == (None, False)
